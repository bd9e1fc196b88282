// A leader takes no further command into its log while too many are under way. A state machine that fails makes room as one that works does.
import { expect, test } from "bun:test";
import { afterMicrotasks, Cluster } from "./cluster.ts";

/** More than the state machine is given at once, and than may be in the log behind that: 4 MiB and 8 MiB. */
const commands = 1_000;
const payload = "x".repeat(16 * 1024);

test("a command that waits for room is taken as soon as a state machine that fails makes some", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { machine, node } = cluster.leader;
  machine.isSlow = true;
  machine.poison = "bad";
  const client = cluster.client("n1");
  client.command("bad");
  for (let nth = 1; nth < commands; nth++) client.command(payload);
  await cluster.settle();
  // It hangs first. So the core knows already that this node is unfit, and the failure is no news that would bring a turn.
  machine.busyWith = { kind: "entry", count: 1, index: 2, term: 1 };
  await cluster.advance(10_000, 500);
  expect(node.state.unfit.get(node.state.self)).toBe("stateMachine");
  expect(node.state.log.last.index).toBeLessThan(commands);
  machine.release();
  await afterMicrotasks();
  await cluster.settle();
  expect(client.replies.map((reply) => reply.split(" ")[1])).toEqual(Array<string>(commands).fill("apply-failed"));
  await cluster.stopAll();
});
