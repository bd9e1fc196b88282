// How the parts of a node are closed: each of them, in order, and the first thing that goes wrong is what is told. And what a node keeps
// for its next start of the cause that has ended it.
import { expect, test } from "bun:test";
import type { HaltReason } from "../../src/core/effects.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { GraftError } from "../../src/errors.ts";
import { BrokenRule, closeModules, isForeseen, keepCause, removedError } from "../../src/node/node-end.ts";
import type { Finding } from "../../src/ports/log-store.ts";
import { genesisOf, n2, n3 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

type Part = "transport" | "stateMachine" | "snapshots" | "store";

/** What closing comes to when these parts fail with an error of their name, or never close. */
async function closed(failing: readonly Part[], hanging: readonly Part[] = []) {
  const closing: Part[] = [];
  const logs: string[] = [];
  const clock = new ManualClock();
  const close = (part: Part) => async (): Promise<void> => {
    closing.push(part);
    if (failing.includes(part)) throw new Error(`${part} failed`);
    if (hanging.includes(part)) await new Promise(() => {});
  };
  const result = closeModules({
    transport: {
      stop: (graceMs) => {
        // Well before the transport is given up.
        expect(graceMs).toBe(500);
        return close("transport")();
      },
    },
    stateMachine: { close: close("stateMachine") },
    snapshots: { close: close("snapshots") },
    store: {
      close: () => {
        closing.push("store");
        if (failing.includes("store")) throw new Error("store failed");
      },
    },
    clock,
    logger: {
      enabled: () => true,
      log: (_, message, fields) => void logs.push(`${message}: ${String(fields?.["reason"])}`),
    },
  });
  for (let part = 0; part < 4; part++) {
    await afterMicrotasks();
    clock.advance(2_000);
  }
  return { first: (await result)?.message ?? null, closing, logs, timers: clock.pendingTimers };
}

const all: readonly Part[] = ["transport", "stateMachine", "snapshots", "store"];

test("the parts are closed one after the other, the store last", async () => {
  expect(await closed([])).toEqual({ first: null, closing: [...all], logs: [], timers: 0 });
});

test("of several failures the first is told, each is logged, and the others are closed all the same", async () => {
  expect(await closed(["stateMachine", "store"])).toEqual({
    first: "stateMachine failed",
    closing: [...all],
    logs: ["closing failed: stateMachine failed", "closing failed: store failed"],
    timers: 0,
  });
});

test("a part that never closes is waited for no longer than two seconds", async () => {
  expect(await closed([], ["stateMachine"])).toEqual({
    first: "not closed within 2000 ms: state machine",
    closing: [...all],
    logs: ["closing failed: not closed within 2000 ms: state machine"],
    timers: 0,
  });
});

const position = { index: 7, term: 2 };
const reasons: Record<HaltReason["kind"], HaltReason> = {
  wiped: { kind: "wiped", clusterUuid: "c".repeat(32), id: "n1" },
  notListed: { kind: "notListed", clusterUuid: "c".repeat(32), id: "n1" },
  lost: { kind: "lost", leader: n2, confirmed: 9, last: position },
  diverged: { kind: "diverged", leader: n2, at: position, chain: 11, leaderChain: 22 },
};

/** What a node ends with for this cause, and what its store has kept; `failure`: what the store throws. */
function kept(cause: HaltReason | Error, failure: Error | null = null) {
  const damage: string[] = [];
  const findings: Finding[] = [];
  const orFail = (keep: () => unknown): void => {
    if (failure !== null) throw failure;
    keep();
  };
  const store = {
    keepDamage: (text: string) => orFail(() => damage.push(text)),
    keepFinding: (finding: Finding) => orFail(() => findings.push(finding)),
  };
  return { end: keepCause(cause, { store, wallMs: Date.UTC(2026, 0, 2) }), damage, findings };
}

test.each<readonly [HaltReason["kind"], "failed" | "damaged", string, string]>([
  ["wiped", "failed", "config", "graft cluster add n1 ADDRESS"],
  ["notListed", "failed", "config", "Have it added to that cluster"],
  ["lost", "damaged", "damaged", "copies the log anew"],
  ["diverged", "failed", "storage", "graft log finding --config FILE"],
])("a halt because of %s ends the node as %s, with the code %s and what to do", (kind, end, code, remedy) => {
  const { end: ended, damage, findings } = kept(reasons[kind]);
  expect(ended).toMatchObject({ kind: end, error: { code, message: expect.stringContaining(remedy) } });
  expect(damage).toHaveLength(kind === "lost" ? 1 : 0);
  expect(findings).toHaveLength(kind === "diverged" ? 1 : 0);
  expect(isForeseen(reasons[kind])).toBe(true);
});

test("two histories are kept as a finding, with the values of both", () => {
  expect(kept(reasons.diverged).findings).toMatchObject([
    { kind: "diverged", at: "2026-01-02T00:00:00.000Z", leader: n2, position, chain: 11, leaderChain: 22 },
  ]);
});

test("a broken rule is kept as a finding with its event, and is not foreseen", () => {
  const broken = new BrokenRule({ kind: "tick", nowMs: 5 }, new Error("two leaders in one term"));
  const { end, damage, findings } = kept(broken);
  expect(end).toEqual({ kind: "failed", error: broken });
  expect(broken.message).toBe("a rule of Raft does not hold: two leaders in one term; found at: the timer fires");
  expect(findings).toEqual([{ kind: "invariant", text: broken.message, at: "2026-01-02T00:00:00.000Z" }]);
  expect([damage, isForeseen(broken)]).toEqual([[], false]);
});

test("what was read and is not what was written marks the data as damaged; other errors keep nothing", () => {
  const rotten = new GraftError("damaged", "entry 7 is damaged");
  expect(kept(rotten)).toEqual({
    end: { kind: "damaged", error: rotten },
    damage: ["entry 7 is damaged"],
    findings: [],
  });
  const ofOthers = Object.assign(new Error("of some library"), { code: "damaged" });
  for (const error of [new GraftError("storage", "no such file"), new Error("a bug"), ofOthers]) {
    expect(kept(error)).toEqual({ end: { kind: "failed", error }, damage: [], findings: [] });
    expect(isForeseen(error)).toBe(error instanceof GraftError);
  }
});

test("where the cause cannot be kept the node has failed, and both errors are told", () => {
  const failure = new Error("the disk is gone");
  const rotten = new GraftError("damaged", "entry 7 is damaged");
  const { end } = kept(rotten, failure);
  expect(end).toMatchObject({ kind: "failed", error: { message: "entry 7 is damaged; the disk is gone" } });
  expect(end.error instanceof AggregateError && end.error.errors).toEqual([rotten, failure]);
  expect(kept(reasons.diverged, failure).end.error.message).toEndWith("; the disk is gone");
});

test("a removed node says at which index it was removed, and who the members were then", () => {
  const configuration = genesisConfiguration(genesisOf(n2, n3));
  const error = removedError("n1", { position, configuration });
  expect(error.code).toBe("config");
  expect(error.message).toStartWith(
    "n1 has been removed from its cluster, by the configuration at index 7; the members then: n2 at n2:7400, n3 at n3:7400. ",
  );
  expect(error.message).toEndWith("graft cluster add n1 ADDRESS");
});
