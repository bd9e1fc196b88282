// What does a start make of a mark of which one slot is damaged? The other slot may be older than the data that was lost. Only a
// power cut tears a slot, so a slot that cannot be read counts as torn only where the system has been started since.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSlot, Slot, slotBytes } from "../../../src/adapters/sqlite/mark.ts";
import { readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { type Configuration, toMemberKey } from "../../../src/core/configuration.ts";
import {
  append,
  commands,
  configuration,
  configurationOf,
  found,
  ignoreDurable,
  vote,
} from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory } from "./data-directory.ts";
import { genesisOf } from "./lost-cluster.ts";

let directory: DataDirectory;
let markPath: string;
beforeEach(() => {
  directory = createDataDirectory();
  markPath = join(directory.dataDir, "graft.mark");
});
afterEach(() => directory.remove());

/** The files as a killed process leaves them. What was written last is the entry 12, or a vote. */
function fillAndKill(last: "entry" | "vote"): void {
  directory.open().close();
  const store = directory.open();
  store.write([found(), vote(3, "n2")], ignoreDurable);
  for (let index = 1; index <= 12; index++) store.write([append(...commands(index, index, 3, 2000))], ignoreDurable);
  if (last === "vote") store.write([vote(4, "n3")], ignoreDurable);
  const left = [directory.file, `${directory.file}-wal`, markPath].map((path) => [path, readFileSync(path)] as const);
  store.close();
  for (const [path, bytes] of left) writeFileSync(path, bytes);
}

function newerSlot(): 0 | 1 {
  const mark = readMark(markPath);
  if (mark.kind !== "mark") throw new Error(`no mark, but ${mark.kind}`);
  return mark.slot;
}

/** Both slots say that another run of the system, or one that is not known, has written them. */
function writtenDuring(bootId: string | null): void {
  const bytes = readFileSync(markPath);
  for (const at of [0, slotBytes]) {
    const slot = bytes.subarray(at, at + slotBytes);
    const content = decodeSlot(slot);
    if (content.kind !== "mark") throw new Error(`no mark, but ${content.kind}`);
    new Slot(slot).write({ ...content, bootId });
  }
  writeFileSync(markPath, bytes);
}

function damageSlot(slot: 0 | 1, how: "zeroed" | "older" | "flipped"): void {
  const bytes = readFileSync(markPath);
  const at = slot * slotBytes;
  if (how === "zeroed") bytes.fill(0, at, at + slotBytes);
  else if (how === "older") bytes.copy(bytes, at, slotBytes - at, 2 * slotBytes - at);
  else bytes[at + 100] = bytes[at + 100]! ^ 1;
  writeFileSync(markPath, bytes);
}

/** The last transaction is gone, or a few of them. */
function cutWal(bytes: number): void {
  const wal = `${directory.file}-wal`;
  truncateSync(wal, readFileSync(wal).length - bytes);
}

const boots = { "the same boot": undefined, "another boot": "of-another-start", "an unknown boot": null };

describe.each(["entry", "vote"] as const)("P61: after a %s the newer slot", (last) => {
  describe.each(Object.entries(boots))("of %s", (_, bootId) => {
    describe.each(["a whole WAL", "a cut WAL"])("beside %s", (wal) => {
      test.each(["zeroed", "older", "flipped"] as const)("%s", (how) => {
        fillAndKill(last);
        if (bootId !== undefined) writtenDuring(bootId);
        damageSlot(newerSlot(), how);
        if (wal === "a cut WAL") cutWal(4096 + 24);
        const before = [directory.file, `${directory.file}-wal`, markPath].map((path) => readFileSync(path));
        if (how === "flipped" && bootId !== undefined) {
          // It may have been torn by a power cut. The older slot counts, and is in order.
          directory.open().close();
          expect(readMark(markPath)).toMatchObject({ kind: "mark", isNewest: true });
          return;
        }
        const message = damageError(directory.open);
        expect(message).toContain(`${markPath} is damaged`);
        expect(message).toContain("empty data_dir and [cluster] join");
        expect(directory.setAside()).toEqual([]);
        expect([directory.file, `${directory.file}-wal`, markPath].map((path) => readFileSync(path))).toEqual(before);
      });
    });
  });
});

test("P61: the older slot of the same boot rotten: refused, though the newer one is sound", () => {
  fillAndKill("entry");
  damageSlot(newerSlot() === 0 ? 1 : 0, "flipped");
  expect(damageError(directory.open)).toContain(`${markPath} is damaged`);
});

test("P61: a slot that may have been torn, beside data that lacks what the older one names: refused", () => {
  fillAndKill("vote");
  writtenDuring("of-another-start");
  damageSlot(newerSlot(), "flipped");
  // The older slot is the one that was synced with the vote of term 3.
  writeFileSync(`${directory.file}-wal`, "");
  expect(damageError(directory.open)).toContain("is damaged as well");
});

test("an older slot that knows no other voters: the node is not told that it is the only one", () => {
  const store = directory.open();
  const self = toMemberKey("n1", store.saved.incarnation);
  const alone: Configuration = { ...configurationOf("n1"), voters: [self], outgoing: [] };
  store.write([found(genesisOf(self)), append({ ...configuration(1, 1), configuration: alone })], ignoreDurable);
  store.write([append(configuration(2, 1, "n1", "n2"))], ignoreDurable);
  store.close();
  writtenDuring("of-another-start");
  damageSlot(newerSlot(), "flipped");
  directory.sql("DELETE FROM log");
  expect(damageError(directory.open)).toContain("is damaged as well");
});
