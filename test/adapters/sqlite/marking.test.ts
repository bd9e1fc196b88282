// What the mark says once transactions have been written: also where most of them only move its end on.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { markFile, readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { append, command, commands, found, ignoreDurable, keyOf } from "../../contracts/log-entries.ts";
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
  return mark.mark;
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
  expect(marked()).toMatchObject({ last: { index: 2, term: 1 }, hasOtherVoters: true });
  store.write([append(command(3, 1), among(4, self))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 4, term: 1 }, hasOtherVoters: false });
  store.write([append(command(5, 1))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 5, term: 1 }, hasOtherVoters: false });
  store.write([append(among(6, self, keyOf("n2")))], ignoreDurable);
  expect(marked()).toMatchObject({ last: { index: 6, term: 1 }, hasOtherVoters: true });
  store.close();
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
