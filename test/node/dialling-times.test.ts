// When each member is dialled, for how long, and how many failures it takes to name it.
import { describe, expect, test } from "bun:test";
import type { Member, PlacedConfiguration } from "../../src/core/configuration.ts";
import { Dialling } from "../../src/node/dialling.ts";
import type { Discovery, PeerStatus } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { genesisOf, n1, n2, n3 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const refused: Discovery = { kind: "failed", reason: "refused" };
const unable: Discovery = { kind: "unable", reason: "no descriptors" };
const there = (id: string): Discovery => ({ kind: "there", identity: { id, incarnation: "disk2", bootId: "b" } });

const members = genesisOf(n1, n2, n3).members.map((member) => ({ ...member, address: "before:1" }));
const [genesisElsewhere] = follower({ configuration: { members } }).log.configurations as [PlacedConfiguration];

/** n1 has a connection with n2, and the test answers each attempt. */
function setUp() {
  const clock = new ManualClock();
  const attempts: { readonly asked: string; readonly atMs: number; readonly answer: (found: Discovery) => void }[] = [];
  const status: PeerStatus = {
    id: "n2",
    address: "",
    reachable: true,
    reason: null,
    version: null,
    announced: null,
  };
  const world: { peers: readonly PeerStatus[]; members: readonly Member[] } = {
    peers: [status],
    members: genesisOf(n1, n2, n3).members,
  };
  const dialling = new Dialling({
    clock,
    state: () => {
      const { log, ...state } = follower({ configuration: { members: world.members } });
      // Its log also knows an earlier configuration, in which everyone was elsewhere.
      const configurations = [genesisElsewhere, ...log.configurations];
      return { ...state, log: { ...log, configurations } };
    },
    transport: {
      peers: () => world.peers,
      discover(address, timeoutMs) {
        const { promise, resolve } = Promise.withResolvers<Discovery>();
        attempts.push({ asked: `${address} ${timeoutMs}`, atMs: clock.nowMs(), answer: resolve });
        return promise;
      },
    },
  });
  const advance = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 500) {
      clock.advance(500);
      await afterMicrotasks();
    }
  };
  /** The moment of the next attempt, which is answered at once. */
  const next = async (found: Discovery): Promise<number> => {
    const before = attempts.length;
    while (attempts.length === before && clock.nowMs() < 200_000) await advance(500);
    attempts.at(-1)!.answer(found);
    await afterMicrotasks();
    return attempts.at(-1)!.atMs;
  };
  dialling.start();
  return { clock, attempts, status, world, dialling, advance, next };
}

describe("a member that is connected", () => {
  test("is dialled after a second, at its address, for two seconds, and every ten seconds while it is there", async () => {
    const { attempts, dialling, next } = setUp();
    expect([await next(there("n2")), await next(there("n2")), await next(there("n2"))]).toEqual([
      1_000, 11_000, 21_000,
    ]);
    expect(attempts.map(({ asked }) => asked)).toEqual(Array(3).fill("n2:7400 2000"));
    expect(dialling.undialled).toEqual([]);
  });

  test("is named at the second failure in a row, which comes a second after the first, and tried every ten seconds", async () => {
    const { dialling, next } = setUp();
    expect([await next(refused), dialling.undialled]).toEqual([1_000, []]);
    expect([await next(refused), dialling.undialled]).toEqual([2_000, ["n2"]]);
    expect([await next(refused), dialling.undialled]).toEqual([12_000, ["n2"]]);
    expect([await next(there("n2")), dialling.undialled]).toEqual([22_000, []]);
    // The count begins anew.
    expect([await next(refused), dialling.undialled]).toEqual([32_000, []]);
    expect([await next(refused), dialling.undialled]).toEqual([33_000, ["n2"]]);
  });

  test("is not there when another node answers at its address", async () => {
    const { dialling, next } = setUp();
    await next(there("n3"));
    await next(there("n1"));
    expect(dialling.undialled).toEqual(["n2"]);
  });

  test("an attempt that this node could not make counts neither for it nor against it, and is made again soon", async () => {
    const { dialling, next } = setUp();
    await next(refused);
    expect([await next(unable), await next(unable), dialling.undialled]).toEqual([2_000, 3_000, []]);
    expect([await next(refused), dialling.undialled]).toEqual([4_000, ["n2"]]);
    expect([await next(unable), dialling.undialled]).toEqual([14_000, ["n2"]]);
  });

  test("is dialled once at a time, and the pause begins when the attempt has ended", async () => {
    const { attempts, advance } = setUp();
    await advance(30_000);
    expect(attempts).toHaveLength(1);
    attempts[0]!.answer(there("n2"));
    await afterMicrotasks();
    await advance(9_500);
    expect(attempts).toHaveLength(1);
    await advance(1_000);
    expect(attempts).toHaveLength(2);
  });

  test("is dialled at another address as a member that is new there", async () => {
    const { attempts, world, dialling, next, advance } = setUp();
    await next(refused);
    await next(refused);
    world.members = world.members.map((member) => (member.key === n2 ? { ...member, address: "moved:1" } : member));
    expect(dialling.undialled).toEqual([]);
    await advance(2_500);
    expect(attempts.at(-1)!.asked).toBe("moved:1 2000");
  });
});

test("members at one address are judged each by itself", async () => {
  const { attempts, status, world, dialling, advance } = setUp();
  world.peers = [status, { ...status, id: "n3" }];
  world.members = world.members.map((member) => ({ ...member, address: "shared:1" }));
  for (let round = 0; round < 3; round++) {
    await advance(1_000);
    for (const { answer } of attempts) answer(there("n2"));
    await afterMicrotasks();
  }
  expect([attempts.length, dialling.undialled]).toEqual([3, ["n3"]]);
});

test("a node dials neither itself, nor members without a connection, nor those who are no members", async () => {
  const { attempts, status, world, dialling, advance } = setUp();
  world.peers = [
    { ...status, id: "n1" },
    { ...status, id: "n2", reachable: false },
    { ...status, id: "n9" },
  ];
  await advance(30_000);
  expect([attempts, dialling.undialled]).toEqual([[], []]);
});

test("after the stop nothing is dialled, and what an attempt finds is not heard", async () => {
  const { clock, attempts, dialling, next, advance } = setUp();
  await next(refused);
  await advance(1_000);
  dialling.stop();
  attempts.at(-1)!.answer(refused);
  await advance(30_000);
  expect([attempts.length, dialling.undialled, clock.pendingTimers]).toEqual([2, [], 0]);
});
