// P71: a member cannot be dialled when attempts failed for its own sake, and not for a lack of the node that tries.
import { expect, test } from "bun:test";
import { ManualClock } from "../doubles/manual-clock.ts";
import { Dialling } from "../../src/node/dialling.ts";
import type { Discovery } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";

/** n1 has connections with n2 and n3, and dials them in vain. */
function undialledAfter(found: Discovery): Promise<readonly string[]> {
  const clock = new ManualClock();
  const status = { address: "", reachable: true, reason: null, version: null, announced: null };
  const dialling = new Dialling({
    clock,
    state: () => follower(),
    transport: { peers: () => ["n2", "n3"].map((id) => ({ ...status, id })), discover: async () => found },
  });
  dialling.start();
  return after(clock, () => dialling.undialled);
}

async function after<T>(clock: ManualClock, look: () => T): Promise<T> {
  for (let second = 0; second < 30; second += 1) {
    clock.advance(1_000);
    for (let count = 0; count < 5; count += 1) await Promise.resolve();
  }
  return look();
}

test("a member that refuses is one that cannot be dialled", async () => {
  expect(await undialledAfter({ kind: "failed", reason: "connection refused" })).toEqual(["n2", "n3"]);
});

test("a member is not blamed for a lack of the node that dials it", async () => {
  expect(await undialledAfter({ kind: "unable", reason: "this process has no file descriptors left" })).toEqual([]);
});
