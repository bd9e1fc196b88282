// After a restart a node continues with the state on disk as the copy that it was. A copy that is found wrong, or confirmed, says so on disk.
import { expect, test } from "bun:test";
import type { CopySource } from "../../src/node/own-copy.ts";
import { StateOnDisk } from "../../src/node/state-on-disk.ts";
import { GraftError } from "../../src/errors.ts";
import { follower } from "../core/build.ts";
import { pluginVersion } from "./applier-setting.ts";
import { RecordingMachine } from "./recording-machine.ts";

function setUp(origin: string) {
  const machine = new RecordingMachine();
  machine.isDurable = true;
  const reached = { index: 2, term: 1, timeMs: 20 };
  machine.held = { reached, plugin: pluginVersion("1"), owner: "a1", origin, wakeAtMs: null };
  const [begun, logs]: [CopySource[], string[]] = [[], []];
  const onDisk = new StateOnDisk({
    stateMachine: machine,
    store: { saved: { incarnation: "a1" } } as never,
    logger: { enabled: () => true, log: (level, message) => void logs.push(`${level} ${message}`) },
    state: () => follower({ log: [1, 1, 1] }),
    begun: (source) => void begun.push(source),
  });
  return { machine, onDisk, reached, begun, logs };
}

test("a state on disk begins as the copy of the incarnation that made it", async () => {
  const { machine, onDisk, reached, begun } = setUp("b1");
  expect(await onDisk.recall(() => true)).toBe(machine.held);
  expect(begun).toEqual([{ origin: "b1", position: reached }]);
});

test.each([
  ["the applier mistrusts", "a1", false],
  ["was found wrong", "nobody", true],
])("a state on disk that %s is emptied, and no copy begins with it", async (_, origin, mayKeep) => {
  const { machine, onDisk, begun } = setUp(origin);
  expect(await onDisk.recall(() => mayKeep)).toBeNull();
  expect([begun, machine.forgotten]).toEqual([[], 1]);
});

test("only a state on disk is told who made it", async () => {
  const { machine, onDisk } = setUp("a1");
  await onDisk.setOrigin("nobody");
  machine.isDurable = false;
  await onDisk.setOrigin("b1");
  expect(machine.origins).toEqual(["nobody"]);
});

test("a state machine that cannot take the origin down leaves a warning", async () => {
  const { machine, onDisk, logs } = setUp("a1");
  machine.setOrigin = () => Promise.reject(new GraftError("state-machine", "it has stopped"));
  await onDisk.setOrigin("nobody");
  expect(logs).toEqual(["warn the state on disk does not say who made it"]);
});
