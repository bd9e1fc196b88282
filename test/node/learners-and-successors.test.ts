// Who is a member is one as a learner too, and a node that takes the place of its namesake is not that one.
import { describe, expect, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { PeerIdentity } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { n1, n2, n3, wiped } from "../core/say.ts";
import { fitnessAlone } from "./fitness-alone.ts";
import { soundCondition } from "./sound-condition.ts";

const identityOf = (key: MemberKey): PeerIdentity => ({
  id: nodeIdOf(key),
  incarnation: incarnationOf(key),
  bootId: "b",
});
const low = { ...soundCondition, space: "low", problem: "its disk is nearly full" } as const;
const stopped = { ...soundCondition, stateMachine: { kind: "stopped", through: 0 } } as const;

describe("a learner", () => {
  const withLearners = (...voters: readonly MemberKey[]) => follower({ configuration: { voters } });

  test("is told the condition of this node, and is believed and judged", () => {
    const { fitness, told, unfit } = fitnessAlone(() => withLearners(n1, n3));
    fitness.onPeerConnected(identityOf(n2));
    expect(told).toEqual([`${n2} enough`]);
    fitness.onCondition(n2, stopped);
    expect(unfit.map((each) => [...each])).toEqual([[[n2, "stateMachine"]]]);
  });

  test("judges itself as the others do", () => {
    const { fitness, room, unfit } = fitnessAlone(() => withLearners(n2, n3));
    room.freeBytes = 0;
    fitness.look();
    expect(unfit.map((each) => [...each])).toEqual([[[n1, "space"]]]);
  });
});

test("what a node has said is forgotten with its own connection, and not with that of its namesake", () => {
  const { fitness } = fitnessAlone(follower);
  fitness.onPeerConnected(identityOf(n2));
  fitness.onCondition(n2, low);
  fitness.onPeerDisconnected(identityOf(wiped(n2)));
  expect(fitness.problemOf(n2)).toBe("its disk is nearly full");
  fitness.onPeerDisconnected(identityOf(n2));
  expect(fitness.problemOf(n2)).toBeNull();
});
