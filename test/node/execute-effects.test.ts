// What each effect does to the ports, above all that no entries are sent but the ones that the effect names.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { DurableEffect, SendEntries } from "../../src/core/effects.ts";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import type { Message } from "../../src/core/messages.ts";
import { restore } from "../../src/core/restore.ts";
import type { NodeMessage } from "../../src/ports/node-messages.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { type EffectTargets, executeEffect } from "../../src/node/execute-effects.ts";
import { LogTail } from "../../src/node/log-tail.ts";
import { WaitingClients } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import { starting } from "../core/build.ts";
import { idleApplier } from "./applier-setting.ts";

const n2 = toMemberKey("n2", "b");
const entry = (index: number, term = 1): Entry => ({
  kind: "command",
  index,
  term,
  stampMs: 0,
  payload: new Uint8Array(100),
  session: null,
});
const entries = (from: number, to: number, term = 1): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term));
const weight = entryBytes(entry(1));

function setUp(stored: readonly Entry[] = []) {
  const before = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  if (stored.length > 0) before.write([{ kind: "appendLog", ticket: 1, entries: stored }], () => {});
  const store = createMemoryLogStore({ incarnation: "a", autoDurable: true, disk: before.crash() });
  const state = restore(store.saved, starting({ self: toMemberKey("n1", "a") }));
  const sent: (Message | NodeMessage)[] = [];
  const dismissed: (readonly [string, string])[] = [];
  const never = (): never => {
    throw new Error("not expected here");
  };
  const tail = new LogTail(store, 1_000_000);
  const targets: EffectTargets & { readonly writes: DurableEffect[] } = {
    transport: {
      start: never,
      send: (_, message) => void sent.push(message),
      dismiss: (peer, reason) => void dismissed.push([peer, reason]),
      flush: never,
      setPeers: never,
      setAffiliation: never,
      openBulk: never,
      reach: never,
      discover: never,
      peers: never,
      stop: never,
    },
    tail,
    applier: idleApplier(),
    waiting: new WaitingClients(),
    reads: new WaitingReads(),
    snapshots: { fetch: never, check: never, onWritten: never },
    writes: [],
    transferSettled: never,
    changeSettled: never,
    removed: never,
    followerFault: never,
    halt: never,
  };
  return {
    targets,
    dismissed,
    tail,
    sent,
    execute: (effect: Parameters<typeof executeEffect>[0]) => executeEffect(effect, state, targets),
  };
}

const range = (prev: [number, number], through: [number, number], bytesMax = 1e9): SendEntries => ({
  kind: "sendEntries",
  to: n2,
  term: 3,
  prev: { index: prev[0], term: prev[1] },
  through: { index: through[0], term: through[1] },
  bytesMax,
  leaderCommit: 2,
  round: 9,
  freshAsOf: null,
  confirmed: 2,
  refill: null,
});

test("an accusation closes the connection of the accused, with the lie as the reason", () => {
  const { dismissed, execute } = setUp();
  execute({ kind: "accuse", from: n2, lie: "it acknowledges entry 9" });
  expect(dismissed).toEqual([[n2, "it acknowledges entry 9"]]);
});

describe("sendEntries", () => {
  test("sends the entries after prev and up to through, no others", () => {
    const { tail, sent, execute } = setUp();
    tail.append(entries(1, 9));
    execute(range([3, 1], [6, 1]));
    expect(sent).toEqual([
      {
        kind: "appendEntries",
        term: 3,
        prev: { index: 3, term: 1 },
        entries: entries(4, 6),
        leaderCommit: 2,
        round: 9,
        freshAsOf: null,
        prevChain: tail.chainAt(3),
        confirmed: 2,
        refill: null,
      },
    ]);
  });

  test("is cut by its bound of bytes, but never to nothing", () => {
    const { tail, sent, execute } = setUp();
    tail.append(entries(1, 9));
    execute(range([0, 0], [9, 1], 2 * weight));
    execute(range([4, 1], [9, 1], 1));
    expect(
      sent.map((message) => message.kind === "appendEntries" && message.entries.map(({ index }) => index)),
    ).toEqual([[1, 2], [5]]);
  });

  test("a heartbeat reads nothing", () => {
    const { sent, execute } = setUp(entries(1, 7));
    execute(range([7, 1], [7, 1]));
    expect(sent.map((message) => message.kind === "appendEntries" && message.entries)).toEqual([[]]);
  });

  test("is dropped when the log has another entry at its end", () => {
    const { tail, sent, execute } = setUp();
    tail.append(entries(1, 4, 2));
    execute(range([1, 2], [4, 1]));
    expect(sent).toEqual([]);
  });

  test("P20: over the seam of store and tail it sends the whole stretch, contiguous", () => {
    const { tail, sent, execute } = setUp(entries(1, 5));
    tail.append(entries(6, 9));
    execute(range([2, 1], [9, 1]));
    expect(
      sent.map((message) => message.kind === "appendEntries" && message.entries.map(({ index }) => index)),
    ).toEqual([[3, 4, 5, 6, 7, 8, 9]]);
  });
});

describe("durable effects", () => {
  test("are collected in order, and what they do to the log is seen at once", () => {
    const { targets, tail, execute } = setUp();
    execute({ kind: "appendLog", ticket: 1, entries: entries(1, 3) });
    execute({ kind: "truncateLog", ticket: 2, through: 1 });
    execute({ kind: "appendLog", ticket: 3, entries: entries(2, 2, 4) });
    execute({ kind: "writeVote", ticket: 4, currentTerm: 4, votedFor: null });
    expect(targets.writes.map(({ kind, ticket }) => `${kind} ${ticket}`)).toEqual([
      "appendLog 1",
      "truncateLog 2",
      "appendLog 3",
      "writeVote 4",
    ]);
    expect(tail.read(1, 2, 1e9).map(({ index, term }) => `${index}.${term}`)).toEqual(["1.1", "2.4"]);
  });
});
