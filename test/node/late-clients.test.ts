// What a client is told whose time is up: that its entry is committed, where that is known, and what keeps it from being applied.
import { expect, test } from "bun:test";
import type { Endless } from "../../src/node/endless-work.ts";
import { type ProposalWaiter, type QueryWaiter, WaitingClients } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import { someone, unbounded } from "./test-asker.ts";

const hangs: Endless = { problem: "it hangs at entry 7", entry: 7, isQuery: false };

/** What a client hears that waits for the entry at this position when its time is up; `position` null: it has no place. */
function told(position: LogPosition | null, found: Endless | null, committed: LogPosition | null): string {
  const waiting = new WaitingClients();
  const answers: string[] = [];
  const client: ProposalWaiter = {
    open: unbounded,
    kind: "command",
    session: null,
    payload: new Uint8Array(),
    dueMs: 100,
    from: someone,
    succeed: () => void answers.push("ok"),
    fail: ({ code, message }) => void answers.push(`${code}: ${message}`),
  };
  const ref = waiting.add(client);
  if (position !== null) waiting.place([ref], position);
  waiting.expire(99, found, committed);
  expect(answers).toEqual([]);
  waiting.expire(100, found, committed);
  waiting.expire(101, found, committed);
  expect([answers.length, waiting.count]).toEqual([1, 0]);
  return answers.join();
}

const notCommitted = "the entry was not committed and applied in time";
const why = ", and this node cannot go on: it hangs at entry 7";

test.each<readonly [string, LogPosition | null, Endless | null, string]>([
  ["before the end of what is committed", { index: 8, term: 3 }, hangs, `apply-failed: not answered in time${why}`],
  ["at its end", { index: 9, term: 3 }, hangs, `apply-failed: not answered in time${why}`],
  ["behind it", { index: 10, term: 3 }, hangs, `outcome-unknown: ${notCommitted}${why}`],
  [
    "of an earlier term, which another one may stand for",
    { index: 8, term: 2 },
    hangs,
    `outcome-unknown: ${notCommitted}${why}`,
  ],
  ["nowhere yet", null, hangs, `outcome-unknown: ${notCommitted}${why}`],
  ["before its end where nothing hangs", { index: 8, term: 3 }, null, "outcome-unknown: not answered in time"],
  [
    "before its end where a query hangs",
    { index: 8, term: 3 },
    { ...hangs, entry: null, isQuery: true },
    `outcome-unknown: not answered in time${why}`,
  ],
  ["behind it where nothing hangs", { index: 10, term: 3 }, null, `outcome-unknown: ${notCommitted}`],
])("a client whose entry is %s", (_, position, found, expected) => {
  expect(told(position, found, { index: 9, term: 3 })).toBe(expected);
});

test("a node that knows of no commit says of no entry that it is committed", () => {
  expect(told({ index: 1, term: 1 }, hangs, null)).toBe(`outcome-unknown: ${notCommitted}${why}`);
});

test("a query is told what this node hangs at, wherever it waits, and so is what waits as a query does", () => {
  const reads = new WaitingReads();
  const heard: string[] = [];
  const asked = { payload: new Uint8Array(), from: someone, open: unbounded, dueMs: 100, succeed() {} };
  const fail: QueryWaiter["fail"] = ({ code, message }) => void heard.push(`${code}: ${message}`);
  const query: QueryWaiter = { ...asked, kind: "query", fail };
  reads.add([query]);
  reads.ready(reads.add([query]), { index: 9, term: 1 });
  reads.ready(reads.add([query]), { index: 1, term: 1 });
  reads.giveBack(reads.take(1, 0));
  reads.add([{ ...asked, kind: "reach", notDone: "the backup was not begun", fail }]);
  reads.expire(100, hangs);
  expect(heard.toSorted()).toEqual([
    `unavailable: the backup was not begun in time${why}`,
    ...Array<string>(3).fill(`unavailable: the query was not answered in time${why}`),
  ]);
  expect(reads.count).toBe(0);
});
