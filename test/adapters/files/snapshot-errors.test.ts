// What an operator reads of a snapshot's file: a disk without room is not a sick one, whichever way the system says so.
import { expect, test } from "bun:test";
import {
  damagedFile,
  failedFile,
  failedWrite,
  missingFile,
  refused,
} from "../../../src/adapters/files/snapshot-errors.ts";

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

test("what is damaged or missing is no failure of the disk, and what is refused has done nothing", () => {
  const errors = [
    damagedFile("/d/a.snapshot", "it is cut"),
    missingFile("/d/a.snapshot"),
    refused("/d", "they are closed"),
  ];
  expect(errors.map(({ code, message }) => [code, message])).toEqual([
    ["damaged", "The snapshot /d/a.snapshot is damaged: it is cut. Nothing was deleted or changed."],
    [
      "damaged",
      "The snapshot /d/a.snapshot is missing, and the log goes on after it. Graft never removes a snapshot that its log names.",
    ],
    ["storage", "Refused by the snapshots in /d: they are closed. Nothing was written."],
  ]);
});
