// What a node does that leaves, in which order, and how long it waits for answers.
import { describe, expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { stopGracefully } from "../../src/node/graceful-stop.ts";
import type { HandOver } from "../../src/node/hand-overs.ts";
import { follower, leader, preCandidate } from "../core/build.ts";
import { n1, n2, n3 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const leading = leader({ members: [n1, n2, n3] });

/** Each hand-over has the next of the outcomes; after the last the node follows, if `follows`. */
async function leave(state: State, outcomes: readonly HandOver[] = [], follows = false) {
  const clock = new ManualClock();
  const did: unknown[] = [];
  const quiet = Promise.withResolvers<void>();
  const left = [...outcomes];
  const node = {
    state,
    transfer(to: string | null) {
      did.push(`transfer to ${String(to)}`);
      const outcome = left.shift()!;
      if (follows && left.length === 0) node.state = follower();
      return Promise.resolve(outcome);
    },
    quiet() {
      did.push("quiet");
      return quiet.promise;
    },
  };
  void stopGracefully({
    node,
    clock,
    logger: { enabled: () => true, log: (...line) => void did.push(line) },
    refuseRequests: () => void did.push("refuse"),
  }).then(() => did.push("left"));
  const after = async (ms: number) => {
    clock.advance(ms);
    await afterMicrotasks();
    return did;
  };
  await after(0);
  return { after, did, quiet, clock };
}

const handing = (outcome: string) => ["info", "handing leadership over", { outcome }];

describe("a node that leaves", () => {
  test("and leads hands over to any node first, and then refuses requests", async () => {
    const { did } = await leave(leading, [{ kind: "done" }], true);
    expect(did).toEqual(["transfer to null", handing("done"), "refuse", "quiet"]);
  });

  test("tries a second time when the first attempt fails, and no third time", async () => {
    const second = await leave(leading, [{ kind: "timedOut" }, { kind: "done" }], true);
    expect(second.did.slice(2)).toEqual(["transfer to null", handing("done"), "refuse", "quiet"]);
    const never = await leave(leading, [{ kind: "timedOut" }, { kind: "busy" }]);
    const attempts = ["transfer to null", handing("timedOut"), "transfer to null", handing("busy")];
    expect(never.did).toEqual([...attempts, "refuse", "quiet"]);
  });

  test("does not try again when there is no target", async () => {
    const { did } = await leave(leading, [{ kind: "noTarget" }]);
    expect(did).toEqual(["transfer to null", handing("noTarget"), "refuse", "quiet"]);
  });

  test("and does not lead hands nothing over", async () => {
    for (const state of [follower(), preCandidate()]) {
      const { did } = await leave(state);
      expect(did).toEqual(["refuse", "quiet"]);
    }
  });

  test("waits for the answers, and no longer than two seconds", async () => {
    const quick = await leave(follower());
    quick.quiet.resolve();
    expect(await quick.after(0)).toEqual(["refuse", "quiet", "left"]);
    expect(quick.clock.pendingTimers).toBe(0);
    const slow = await leave(follower());
    expect(await slow.after(1_999)).toEqual(["refuse", "quiet"]);
    expect(await slow.after(1)).toEqual(["refuse", "quiet", "left"]);
  });
});
