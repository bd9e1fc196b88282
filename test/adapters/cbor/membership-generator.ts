// Draws valid frames about the membership from a seed: what administrators ask and what they are answered.
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { timeoutMsMax } from "../../../src/adapters/cbor/limits.ts";
import { type Draw, index } from "./draw.ts";

const memberName = (draw: Draw): string => (draw.bool() ? draw.name() : `${draw.name()}@${draw.name()}`);
const priority = (draw: Draw): number => draw.pick([0, -1, 2 ** 31 - 1, -(2 ** 31), 7]);

export function changeMembership(draw: Draw): Frame {
  return {
    kind: "changeMembership",
    id: index(draw),
    timeoutMs: draw.uint(timeoutMsMax),
    change: {
      add: draw.list(3, () => ({
        id: draw.name(),
        address: draw.address(),
        priority: draw.orNull(() => priority(draw)),
        voter: draw.bool(),
        behindNat: draw.bool(),
      })),
      promote: draw.list(3, () => memberName(draw)),
      demote: draw.list(3, () => memberName(draw)),
      remove: draw.list(3, () => memberName(draw)),
      prioritize: draw.list(3, () => ({ name: memberName(draw), priority: priority(draw) })),
    },
    expectedIndex: draw.orNull(() => index(draw)),
    dryRun: draw.bool(),
  };
}

export function membershipPlan(draw: Draw): Frame {
  const names = (): string[] => draw.list(3, () => draw.name());
  const body = () => ({
    voters: names(),
    learners: names(),
    quorum: draw.below(65),
    tolerates: draw.below(65),
  });
  return {
    kind: "membershipPlan",
    id: index(draw),
    index: index(draw),
    before: body(),
    after: draw.orNull(body),
    nodes: draw.list(3, () => ({
      id: draw.name(),
      address: draw.address(),
      becomes: draw.pick(["voter", "learner", "gone"]),
      lagEntries: draw.orNull(() => index(draw)),
      silentMs: draw.orNull(() => index(draw)),
    })),
    risks: draw.list(3, () => draw.printable()),
    refusal: draw.orNull(() => draw.printable()),
  };
}

export function listedMembers(draw: Draw): Frame {
  const list = draw.list(4, (each) => ({
    id: `n${each}`,
    incarnation: draw.name(),
    address: draw.address(),
    voter: draw.bool(),
    outgoing: draw.bool(),
    priority: draw.below(100) - 50,
  }));
  const pending = draw.list(2, () => ({
    promote: [draw.name()],
    demote: [],
    remove: [`${draw.name()}@${draw.name()}`],
  }));
  const own = {
    clusterUuid: draw.orNull(() => "0123456789abcdef".repeat(2)),
    node: draw.name(),
    incarnation: draw.name(),
  };
  const [at, removed, committed] = [index(draw), draw.bool(), draw.bool()];
  return { kind: "configuration", id: index(draw), ...own, index: at, removed, members: list, pending, committed };
}
