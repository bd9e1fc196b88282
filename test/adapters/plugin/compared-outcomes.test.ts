// Which words count where nodes compare the outcomes of their commands? The plugin's own: adapters/plugin/outcome-chain.ts.
import { expect, test } from "bun:test";
import { defineStateMachine, Rejected, v } from "graft";
import { encodeValue } from "../../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createExecutor, type Executor } from "../../../src/adapters/plugin/executor.ts";
import { asHashed, OutcomeChain, resultHashedEvery } from "../../../src/adapters/plugin/outcome-chain.ts";
import { PluginRefusal } from "../../../src/adapters/plugin/refusals.ts";
import { copiesFeature } from "../../../src/adapters/tls/hello.ts";
import type { AppliedCommand, AppliedEntry, Milestone, Outcome } from "../../../src/ports/state-machine.ts";

const machine = checkDefinition(
  defineStateMachine({
    name: "words",
    version: "1",
    create: () => ({}),
    commands: {
      refuse: {
        input: v.string(),
        apply(_, why) {
          throw new Rejected(why);
        },
      },
    },
    queries: {},
    snapshot: () => [],
    restore: () => {},
  }),
);

const base = { index: 1, term: 1, timeMs: 1_000, isAwaited: false } as const;
const command = (operation: string, input: string): AppliedCommand => ({
  ...base,
  kind: "command",
  payload: encodeValue([operation, input]),
  session: null,
});
const stamped = (index: number, sequence: number, why: string): AppliedEntry => ({
  ...base,
  kind: "command",
  index,
  payload: encodeValue(["refuse", why]),
  session: { client: "client", id: 1, sequence, answeredBelow: 0 },
});
const opened: AppliedEntry = { ...base, kind: "openSession", client: "client", isAdmin: false, timeoutMs: 60_000 };

function watched(executor: Executor): readonly number[] {
  const chains: number[] = [];
  executor.watchMilestones(1, ({ chain }: Milestone) => void chains.push(chain));
  return chains;
}

function chainOf(...entries: readonly AppliedEntry[]): number {
  const executor = createExecutor(machine);
  const chains = watched(executor);
  for (const entry of entries) executor.apply(entry);
  return chains.at(-1)!;
}

test("the words of the plugin's own refusals count", () => {
  expect(chainOf(command("refuse", "one"))).not.toBe(chainOf(command("refuse", "other")));
});

test("the words of the refusals that Graft writes do not count, and that the command was refused does", () => {
  const unknown = chainOf(command("one", "x"));
  expect(chainOf(command("other", "x"))).toBe(unknown);
  expect(chainOf({ ...command("refuse", "x"), payload: Uint8Array.of(255) })).toBe(unknown);
  expect(chainOf({ ...command("refuse", "x"), payload: encodeValue(["refuse", 7]) })).toBe(unknown);
  expect(chainOf({ ...base, kind: "tick" })).not.toBe(unknown);
  expect(chainOf(command("refuse", "x"))).not.toBe(unknown);
});

test("a copy of a command in a session counts the same whether its refusal was kept in memory or comes from a snapshot", () => {
  const before = createExecutor(machine);
  for (const entry of [opened, stamped(2, 1, "why")]) before.apply(entry);
  const after = createExecutor(machine);
  const snapshot = before.snapshot();
  const restoration = after.restore(null);
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) restoration.write(chunk);
  restoration.end();
  const [inMemory, restored] = [watched(before), watched(after)];
  for (const executor of [before, after]) {
    expect(executor.apply({ ...stamped(3, 1, "why"), isAwaited: true })).toEqual({ kind: "rejected", message: "why" });
  }
  expect(restored).toEqual(inMemory);
});

test("that a result cannot be sent counts where each result does, and nowhere else, since only a node with a waiting client knows it", () => {
  const text = (index: number, outcome: Outcome): string => {
    const chain = new OutcomeChain();
    const entry = { ...command("refuse", "x"), index };
    chain.add(entry, asHashed(entry, outcome));
    return chain.text;
  };
  const unsendable = (message: string): Outcome => ({ kind: "unsendable", message });
  const sent: Outcome = { kind: "ok", payload: new Uint8Array() };
  const [counts, countsNot] = [resultHashedEvery, resultHashedEvery + 1];
  expect(text(countsNot, unsendable("a"))).toBe(text(countsNot, sent));
  expect(text(counts, unsendable("a"))).not.toBe(text(counts, sent));
  expect(text(counts, unsendable("a"))).toBe(text(counts, unsendable("b")));
});

// Nodes of two releases that make this hash in different ways would condemn each other. So whoever changes it gives the feature another number, and
// lets the hash begin anew at an entry that every node applies with the new release.
test("the hash is that of the feature copies-1", () => {
  const chain = new OutcomeChain();
  const outcomes: readonly Outcome[] = [
    { kind: "ok", payload: Uint8Array.of(1, 2, 3) },
    { kind: "rejected", message: "by Graft" },
    new PluginRefusal("by the plugin"),
    { kind: "unsendable", message: "why" },
    { kind: "expired" },
    { kind: "forgotten" },
    { kind: "full", message: "full", untilMs: 1 },
  ];
  for (const [nth, outcome] of outcomes.entries()) chain.add({ ...command("refuse", "x"), index: nth + 1 }, outcome);
  chain.add({ ...base, kind: "tick", index: 2 ** 40 }, { kind: "ok", payload: new Uint8Array() });
  expect([copiesFeature, chain.text]).toEqual(["copies-1", "008125fbfdac7954"]);
});
