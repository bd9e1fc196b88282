// What the mark says once transactions have been written: also where most of them only move its end on.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { markFile, readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import {
  activation,
  append,
  command,
  commands,
  configuration,
  found,
  ignoreDurable,
  keyOf,
  snapshot,
  snapshotAt,
  truncate,
} from "../../contracts/log-entries.ts";
import { PowerDisk } from "../../doubles/power-disk.ts";
import { createDataDirectory, type DataDirectory } from "./data-directory.ts";
import { foundedAtMs, genesisOf, votersOf } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const marked = () => {
  const mark = readMark(markFile(directory.dataDir));
  if (mark.kind !== "mark") throw new Error(`no mark, but ${mark.kind}`);
  return { ...mark.mark, slot: mark.slot };
};

test("the mark follows the configuration among entries that only move it on", () => {
  const store = directory.open();
  const self = toMemberKey("n1", store.saved.incarnation);
  const among = (index: number, ...voters: readonly (typeof self)[]) =>
    ({
      kind: "configuration",
      index,
      term: 1,
      stampMs: foundedAtMs + index,
      configuration: votersOf(...voters),
    }) as const;
  store.write([found(genesisOf(self, keyOf("n2")))], ignoreDurable);
  store.write([append(...commands(1, 2, 1))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 2, term: 1 }, hasOtherVoters: true, configuredAt: 0 });
  store.write([append(command(3, 1), among(4, self))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 4, term: 1 }, hasOtherVoters: false, configuredAt: 4 });
  const { slot } = marked();
  store.write([append(command(5, 1))], ignoreDurable);
  // The one with the configuration has been synced, so it is not overwritten.
  expect(marked()).toMatchObject({ last: { index: 5, term: 1 }, hasOtherVoters: false, slot: 1 - slot });
  store.write([append(command(6, 1))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 6, term: 1 }, configuredAt: 4, slot: 1 - slot });
  store.write([append(among(7, self, keyOf("n2")))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 7, term: 1 }, hasOtherVoters: true, configuredAt: 7 });
  store.write([truncate(6)], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 6, term: 1 }, hasOtherVoters: false, configuredAt: 4 });
  const placed = { position: { index: 4, term: 1 }, configuration: votersOf(self) };
  store.write(
    [snapshot(snapshotAt({ index: 6, term: 1 }, store.chainAt(6)), { index: 5, term: 1 }, placed)],
    ignoreDurable,
  );
  expect(marked()).toMatchObject({ last: { index: 6, term: 1 }, hasOtherVoters: false, configuredAt: 4 });
  store.close();
  // A start that reads the records says the same.
  directory.open().close();
  expect(marked()).toMatchObject({ last: { index: 6, term: 1 }, hasOtherVoters: false, configuredAt: 4 });
});

test("a mark of damage names the end that the log had reached by then", () => {
  const store = directory.open();
  const self = toMemberKey("n1", store.saved.incarnation);
  store.write([found(genesisOf(self, keyOf("n2")))], ignoreDurable);
  store.write([append(command(1, 1))], ignoreDurable);
  store.write([append(command(2, 1))], ignoreDurable);
  const chain = store.chainAt(2);
  store.keepDamage("entry 1 is damaged");
  expect(marked()).toMatchObject({ last: { index: 2, term: 1 }, chain, state: { kind: "damaged" } });
  store.close();
});

test("the mark of before a truncation names the configuration that was in force at its end", () => {
  const store = directory.open();
  store.write([found(), append(...commands(1, 3, 1), configuration(4, 1, "n1", "n2"))], ignoreDurable);
  const seen: unknown[] = [];
  {
    using files = new PowerDisk();
    files.watch(directory.dataDir);
    files.onStep = () => seen.push(marked());
    store.write([truncate(3), append(command(4, 2))], ignoreDurable);
    files.watch(null);
  }
  expect(seen[0]).toMatchObject({ last: { index: 3, term: 1 }, configuredAt: 0 });
  store.close();
});

test("the mark follows the version that is active", () => {
  const store = directory.open();
  store.write([found(), append(command(1, 1), activation(2, 1), command(3, 1))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 3, term: 1 }, activatedAt: 2 });
  store.write([append(command(4, 1))], ignoreDurable);
  store.write([append(activation(5, 1))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 5, term: 1 }, activatedAt: 5 });
  store.write([truncate(4)], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 4, term: 1 }, activatedAt: 2 });
  const record = snapshotAt({ index: 4, term: 1 }, store.chainAt(4));
  const active = { ...activation(2, 1), position: { index: 2, term: 1 } };
  store.write([snapshot(record, { index: 3, term: 1 }, undefined, active)], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 4, term: 1 }, activatedAt: 2 });
  store.close();
  directory.open().close();
  expect(marked()).toMatchObject({ last: { index: 4, term: 1 }, activatedAt: 2 });
});
