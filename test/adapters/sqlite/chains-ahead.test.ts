// Checksums worked out ahead: whatever was asked for, and in whichever order, each entry that is written gets its own.
import { expect, test } from "bun:test";
import { nextChain } from "../../../src/adapters/sqlite/chain.ts";
import { ChainsAhead } from "../../../src/adapters/sqlite/chains-ahead.ts";
import { toLink } from "../../../src/adapters/sqlite/entry-row.ts";
import type { Entry } from "../../../src/core/entry.ts";

const entryAt = (index: number, byte = index): Entry => ({
  kind: "command",
  index,
  term: 1,
  stampMs: 1,
  payload: Uint8Array.of(byte % 256),
  session: null,
});

const takeAll = (ahead: ChainsAhead, before: number, entries: readonly Entry[]): readonly number[] => {
  let chain = before;
  return entries.map((entry) => (chain = ahead.take(chain, entry, toLink(entry))));
};

const expected = (before: number, entries: readonly Entry[]): readonly number[] => {
  let chain = before;
  return entries.map((entry) => (chain = nextChain(chain, toLink(entry))));
};

const entries = Array.from({ length: 20 }, (_, at) => entryAt(at + 1));

test("what was worked out is what is taken", () => {
  const ahead = new ChainsAhead();
  let chain = 7;
  for (const entry of entries) chain = ahead.workOut(chain, entry);
  expect(takeAll(ahead, 7, entries)).toEqual(expected(7, entries));
});

test("others in between, another beginning, or an equal entry that is another object change nothing", () => {
  const disturbances: readonly ((ahead: ChainsAhead) => void)[] = [
    () => {},
    (ahead) => void ahead.workOut(99, entries[0]!),
    (ahead) => void entries.toReversed().reduce((chain, entry) => ahead.workOut(chain, entry), 7),
    (ahead) => void entries.reduce((chain, entry) => ahead.workOut(chain, entryAt(entry.index)), 7),
    (ahead) => void entries.reduce((chain, entry) => ahead.workOut(chain, entryAt(entry.index, 255)), 7),
    (ahead) => void entries.slice(3).reduce((chain, entry) => ahead.workOut(chain, entry), 7),
  ];
  for (const before of disturbances)
    for (const after of disturbances) {
      const ahead = new ChainsAhead();
      before(ahead);
      let chain = 7;
      for (const entry of entries) chain = ahead.workOut(chain, entry);
      after(ahead);
      expect(takeAll(ahead, 7, entries)).toEqual(expected(7, entries));
      ahead.forget();
      expect(takeAll(ahead, 8, entries)).toEqual(expected(8, entries));
    }
});

test("as much as anyone asks for without a write does not gather", () => {
  const ahead = new ChainsAhead();
  for (let index = 1; index <= 50_000; index++) ahead.workOut(1, entryAt(index));
  expect(ahead.length).toBeLessThanOrEqual(8192);
  expect(takeAll(ahead, 7, entries)).toEqual(expected(7, entries));
});
