// Where is a backup tried out of a state machine that keeps its state on disk? Where the node is to be: only there is room for certain.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../src/adapters/files/snapshot-store.ts";
import { createInlineStateMachine } from "../src/adapters/plugin/inline-host.ts";
import { locatePlugin } from "../src/adapters/plugin/loader.ts";
import { restoreFrom } from "../src/compose-offline.ts";
import { durableJournal } from "./contracts/durable-journal.ts";
import { readAll, run } from "./contracts/journal-plugin.ts";
import { outcomesOf } from "./contracts/outcomes-of.ts";
import { headerAt, writeSnapshot } from "./contracts/snapshot-store.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "graft-restore-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The journal, which notes each folder that it opens. */
const noting = durableJournal()
  .replace("existsSync }", "existsSync, appendFileSync }")
  .replace("open(folder) {", `open(folder) { appendFileSync("${folder}/opened", folder + "\\n");`);

async function backedUp(): Promise<string> {
  const machine = await createInlineStateMachine([locatePlugin("journal.js", folder)], undefined, join(folder, "old"));
  await outcomesOf(machine, run(1, ["a", "b"]));
  const chunks = await readAll(await machine.snapshot());
  await machine.close();
  const store = openFileSnapshotStore(folder);
  const header = { ...headerAt(120), cluster: "shop", activation: null, plugin: { name: "journal", version: "1" } };
  const { file } = await writeSnapshot(store, chunks, header);
  await store.close();
  return join(folder, "snapshots", file);
}

test.each(["inline", "worker"] as const)("a backup is tried out in the data directory: %s", async (host) => {
  await Bun.write(join(folder, "journal.js"), noting);
  const file = await backedUp();
  rmSync(join(folder, "opened"));
  const dataDir = join(folder, `data-${host}`);
  const settings = {
    node: { id: "n1", dataDir },
    cluster: { id: "shop" },
    stateMachine: { plugin: ["journal.js"], commands: null, host, directory: folder },
  } as unknown as Parameters<typeof restoreFrom>[1];
  await restoreFrom(file, settings, { address: "n1:7400", anyName: false });
  const opened = readFileSync(join(folder, "opened"), "utf8").trim().split("\n");
  expect(opened.map((each) => each.startsWith(`${join(dataDir, "restoring")}/`))).toEqual([true]);
  expect([opened.some((each) => existsSync(each)), readdirSync(dataDir).toSorted()]).toEqual([
    false,
    ["graft.mark", "graft.sqlite", "snapshots"],
  ]);
});
