// What is said when a cluster on this machine cannot be made where it was asked for? What do its files name as the state machine?
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
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

test.each([
  ["kv", "kv"],
  [".", resolve(".")],
  ["..", resolve("..")],
  ["./stock", resolve("stock")],
  ["stock.ts", resolve("stock.ts")],
])("the plugin %s of the working folder is the same plugin in the nodes' files", async (plugin, meant) => {
  const dir = join(folder, "dev");
  const { nodes } = await createLocalCluster({ dir, id: "dev", ports: [7401], plugin });
  const file = Bun.TOML.parse(readFileSync(nodes[0]!.config, "utf8")) as { state_machine: { plugin: string } };
  const named = file.state_machine.plugin;
  expect(named.includes(".") ? resolve(dir, named) : named).toBe(meant);
});
