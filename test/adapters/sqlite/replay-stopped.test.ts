// Replaying the log of a stopped node: the same hashes as those of a node that runs, whatever snapshot it begins with.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import { replayStopped } from "../../../src/compose-replay.ts";
import type { CopyWord } from "../../../src/core/copy-word.ts";
import { appliedEntry } from "../../../src/node/applied-entry.ts";
import { append, commands, ignoreDurable, snapshot, snapshotAt } from "../../contracts/log-entries.ts";
import { chunksOf, JOURNAL, readAll } from "../../contracts/journal-plugin.ts";
import { createDataDirectory, type DataDirectory } from "./data-directory.ts";

let directory: DataDirectory;
beforeEach(async () => {
  directory = createDataDirectory();
  await Bun.write(join(directory.dataDir, "..", "journal.js"), JOURNAL);
});
afterEach(() => directory.remove());

const entries = commands(1, 20, 2);
const options = () => ({
  plugin: ["journal.js"],
  command: null,
  directory: join(directory.dataDir, ".."),
  every: 4,
  through: null,
});

/** What a node that runs says of its copy, and the chunks of its snapshot through `at`. */
async function said(at = 20) {
  const machine = await createInlineStateMachine([locatePlugin("journal.js", options().directory)]);
  const words: CopyWord[] = [];
  machine.watchMilestones(4, ({ index, chain: value }) => words.push({ index, of: "outcomes", value }));
  const never = (): never => {
    throw new Error("nothing is activated here");
  };
  await machine.apply(
    entries
      .slice(0, at)
      .map((entry) => appliedEntry(entry, { isAwaited: true, isSkipped: false, versionFrom: never })!),
    () => {},
  );
  const source = await machine.snapshot();
  const chunks = await readAll(source);
  return { words, chunks, content: { index: at, of: "content", value: source.contentHash! } satisfies CopyWord };
}

test("the whole log comes to what a node that runs has come to", async () => {
  const store = directory.open();
  store.write([append(...entries)], ignoreDurable);
  store.close();
  const { words, content } = await said();
  expect(await replayStopped(directory.dataDir, options())).toEqual({
    after: 0,
    through: 20,
    words: [...words, content],
  });
});

test("a program comes to the same hashes as the plugin that it serves", async () => {
  const store = directory.open();
  store.write([append(...entries)], ignoreDurable);
  store.close();
  const server = join(import.meta.dir, "../process/serve-plugin.ts");
  const command = [process.execPath, server, join(options().directory, "journal.js")];
  const replayed = await replayStopped(directory.dataDir, { ...options(), plugin: [], command });
  expect(replayed).toEqual(await replayStopped(directory.dataDir, options()));
});

test("it ends where it is asked to", async () => {
  const store = directory.open();
  store.write([append(...entries)], ignoreDurable);
  store.close();
  const { words, content } = await said(9);
  const replayed = await replayStopped(directory.dataDir, { ...options(), through: 9 });
  expect(replayed).toEqual({ after: 0, through: 9, words: [...words, content] });
  const beyond = replayStopped(directory.dataDir, { ...options(), through: 21 });
  expect(beyond).rejects.toMatchObject({ code: "usage" });
});

test("it begins with the node's snapshot, and comes to the same", async () => {
  const { chunks } = await said(10);
  const { words, content } = await said();
  const store = directory.open();
  store.write([append(...entries)], ignoreDurable);
  const chain = store.chainAt(10);
  const at = snapshotAt({ index: 10, term: 2 }, chain);
  const snapshots = openFileSnapshotStore(directory.dataDir);
  const writer = await snapshots.create({
    ...at,
    cluster: "demo",
    clusterUuid: "0".repeat(32),
    plugin: { name: "journal", version: "2.1.0" },
  });
  for await (const chunk of chunksOf(chunks)) await writer.write(chunk);
  const record = { ...at, ...(await writer.finish()) };
  store.write([snapshot(record, { index: 10, term: 2 })], ignoreDurable);
  await snapshots.close();
  store.close();
  const replayed = await replayStopped(directory.dataDir, options());
  expect(replayed).toEqual({ after: 10, through: 20, words: [...words.filter(({ index }) => index > 10), content] });
});
