// What an operator reads of a snapshot's file: a disk without room is not a sick one, whichever way the system says so.
import { expect, test } from "bun:test";
import { failedFile, failedWrite } from "../../../src/adapters/files/snapshot-errors.ts";

const failure = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });

test.each([
  ["ENOSPC", "Free space on that disk."],
  ["EDQUOT", "Free space on that disk."],
  ["EIO", "Look at the disk's health, its rights and the kernel's log."],
  ["EACCES", "Look at the disk's health, its rights and the kernel's log."],
])("%s: %s", (code, remedy) => {
  const cause = failure(code);
  expect(failedFile("/d/a.snapshot", "Reading", cause)).toMatchObject({
    code: "storage",
    cause,
    message: `Reading /d/a.snapshot failed: ${code}: it failed. Nothing that was confirmed is affected. ${remedy}`,
  });
  expect(failedWrite("/d/a.snapshot", "Writing", cause).message).toBe(
    `Writing /d/a.snapshot failed: ${code}: it failed. No entry was removed from the log, and nothing that was confirmed is affected. ${remedy}`,
  );
});
