// What is said when a cluster on this machine cannot be made where it was asked for?
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalCluster } from "../../src/local/local-cluster.ts";
import { GraftError } from "../../src/errors.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-local-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  ["a file", (file: string) => file, ""],
  ["below a file", (file: string) => join(file, "dev"), "a part of "],
])("%s in the place of the folder is named, and stays as it is", async (_, dirOf, part) => {
  const file = join(folder, "notes");
  writeFileSync(file, "mine");
  const dir = dirOf(file);
  const made = await createLocalCluster({ dir, id: "dev", ports: [7401], plugin: "kv" }).catch(
    (error: unknown) => error,
  );
  expect(made).toBeInstanceOf(GraftError);
  expect(made).toMatchObject({
    code: "storage",
    message: `${part}${dir} is a file, and the cluster needs a folder there. Nothing was changed. Name another folder.`,
  });
  expect(readFileSync(file, "utf8")).toBe("mine");
});
