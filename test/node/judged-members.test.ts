// P72: a new member counts as fit until it is judged, so it is judged at once.
import { expect, test } from "bun:test";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { leader } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";
import { changing, join, newcomer } from "./administering.ts";
import { Cluster } from "./cluster.ts";
import { fitnessAlone } from "./fitness-alone.ts";
import { soundCondition } from "./sound-condition.ts";

const withNewcomer = (): State =>
  leader({
    members: [n1, n2, n3, n4],
    matched: [
      [n2, 1],
      [n3, 1],
    ],
  });

test("a member that joins while the state machine of the leader hangs is judged in the turn that adds it", () => {
  let state: State = leader({ members: [n1, n2, n3], matched: [[n2, 1]] });
  const { fitness, unfit } = fitnessAlone(() => state, {
    stateMachine: () => ({
      standstill: null,
      renewal: null,
      endlessWork: { problem: "entry 1 hangs", entry: 1, isQuery: false },
      appliedIndex: 0,
      stoppedThrough: null,
    }),
  });
  fitness.look();
  expect([...unfit.at(-1)!.keys()]).toEqual([n1, n2, n3]);
  fitness.onTurned();
  expect(unfit).toHaveLength(1);
  state = withNewcomer();
  fitness.onTurned();
  expect(unfit.at(-1)!.get(n4)).toBe("stateMachine");
});

test("who is no member has no say: where its state machine has stopped counts once it is one", () => {
  let state: State = leader({ members: [n1, n2, n3], matched: [[n2, 1]] });
  const { fitness, unfit } = fitnessAlone(() => state);
  const stopped = { ...soundCondition, stateMachine: { kind: "stopped", through: 1 } } as const;
  fitness.onCondition(n4, stopped);
  expect(unfit).toEqual([]);
  state = withNewcomer();
  fitness.onTurned();
  expect([...unfit.at(-1)!.keys()]).toEqual([n1, n2, n3, n4]);
});

test("a node judges a newcomer before any time has passed", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const { leader: first, followers } = cluster;
  const joining = await join(cluster, "n4");
  followers[0]!.machine.poison = "bad";
  cluster.client(first.id).command("bad");
  await cluster.advance(1_000);
  const { self } = joining.node.state;
  cluster.client(first.id).send(changing({ add: [newcomer("n4")] }));
  const isMember = (): boolean =>
    latestConfiguration(first.node.state.log)?.members.some(({ key }) => key === self) === true;
  for (let passedMs = 0; !isMember() && passedMs < 10_000; passedMs += 1) await cluster.advance(1, 1);
  // It is not known yet whether its state machine gets past the entry.
  expect(first.node.state.unfit.get(self)).toBe("stateMachine");
  await cluster.until("it has told", () => !first.node.state.unfit.has(self));
  await cluster.stopAll();
});
