// P71: a member cannot be dialled when attempts failed for its own sake, and not for a lack of the node that tries.
import { describe, expect, test } from "bun:test";
import { type Member, toMemberKey } from "../../src/core/configuration.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { Dialling } from "../../src/node/dialling.ts";
import type { Discovery } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { genesisOf, n1, n2, n3 } from "../core/say.ts";

type Discover = (address: string) => Discovery;

/** n1 has connections with n2 and n3, and dials them: this is what each attempt finds. */
function undialledAfter(discover: Discover, members: readonly Member[] = genesisOf(n1, n2, n3).members) {
  const clock = new ManualClock();
  const status = { address: "", reachable: true, reason: null, version: null, announced: null };
  const dialling = new Dialling({
    clock,
    state: () => follower({ configuration: { members } }),
    transport: {
      peers: () => ["n2", "n3"].map((id) => ({ ...status, id })),
      discover: async (address) => discover(address),
    },
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

const refused: Discovery = { kind: "failed", reason: "connection refused" };

test("a member that refuses is one that cannot be dialled", async () => {
  expect(await undialledAfter(() => refused)).toEqual(["n2", "n3"]);
});

test("a member is not blamed for a lack of the node that dials it", async () => {
  expect(await undialledAfter(() => ({ kind: "unable", reason: "this process has no file descriptors left" }))).toEqual(
    [],
  );
});

test("a node that knows no members yet dials nobody", async () => {
  const clock = new ManualClock();
  const { log, ...rest } = follower();
  const asked: string[] = [];
  let configurations: typeof log.configurations = [];
  const status = { address: "", reachable: true, reason: null, version: null, announced: null };
  const dialling = new Dialling({
    clock,
    state: () => ({ ...rest, log: { ...log, configurations } }),
    transport: {
      peers: () => [{ ...status, id: "n2" }],
      discover: async (address) => {
        asked.push(address);
        return refused;
      },
    },
  });
  dialling.start();
  expect([await after(clock, () => dialling.undialled), asked]).toEqual([[], []]);
  ({ configurations } = log);
  expect(await after(clock, () => dialling.undialled)).toEqual(["n2"]);
});

test("a member that was away is tried anew before it is named again", async () => {
  const clock = new ManualClock();
  const connected = new Set(["n2", "n3"]);
  const status = { address: "", reachable: true, reason: null, version: null, announced: null };
  const asked: string[] = [];
  const dialling = new Dialling({
    clock,
    state: () => follower(),
    transport: {
      peers: () => [...connected].map((id) => ({ ...status, id })),
      discover: async (address) => {
        asked.push(address);
        return refused;
      },
    },
  });
  dialling.start();
  expect(await after(clock, () => dialling.undialled)).toEqual(["n2", "n3"]);
  connected.delete("n3");
  expect(await after(clock, () => dialling.undialled)).toEqual(["n2"]);
  connected.add("n3");
  expect(dialling.undialled).toEqual(["n2"]);
  asked.length = 0;
  expect(await after(clock, () => dialling.undialled)).toEqual(["n2", "n3"]);
  expect(asked.filter((address) => address === "n3:7400").length).toBeGreaterThan(2);
  dialling.stop();
  expect(clock.pendingTimers).toBe(0);
});

describe("while a wiped node replaces its old incarnation", () => {
  const [one, two, three] = genesisOf(n1, n2, n3).members as [Member, Member, Member];
  const members = [one, two, three, { ...three, key: toMemberKey("n3", "0badc0de"), address: "n3b:7400" }];

  test("it is named once when no address of it answers", async () => {
    expect(await undialledAfter(() => refused, members)).toEqual(["n2", "n3"]);
  });

  test("it is not named when one of its addresses answers", async () => {
    const identity = { id: "n3", incarnation: "0badc0de", bootId: "b" };
    const discover: Discover = (address) => (address === "n3b:7400" ? { kind: "there", identity } : refused);
    expect(await undialledAfter(discover, members)).toEqual(["n2"]);
  });
});
