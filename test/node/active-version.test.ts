// Which version runs from an activation on, and what is said when it is not at hand.
import { expect, test } from "bun:test";
import { type PlacedActivation, type PluginVersion, versionWords } from "../../src/core/activation.ts";
import { runningFrom, standstillWords, VersionLacking } from "../../src/node/active-version.ts";
import { at } from "../core/say.ts";

const plugin = (version: string, hash = "ab"): PluginVersion => ({ name: "kv", version, hash: hash.repeat(32) });
const placed = (index: number, version: string, replaces = false): PlacedActivation => ({
  position: at(index, 1),
  plugin: plugin(version),
  replaces,
});

/** By what this node runs what follows the first of these activations, or why it does not. */
function found(
  activations: readonly PlacedActivation[],
  versions: readonly PluginVersion[],
  commitIndex = 100,
): string {
  const { index } = activations[0]!.position;
  const running = runningFrom(index, { activations, commitIndex, versions });
  return running.kind === "runs" ? `${running.plugin.version} ${running.plugin.hash.slice(0, 2)}` : "lacks";
}

/** Other code under the same number. */
const other = (index: number, hash: string, replaces = true): PlacedActivation => ({
  position: at(index, 1),
  plugin: plugin("1", hash),
  replaces,
});

test.each<readonly [what: string, PlacedActivation[], PluginVersion[], string]>([
  ["the one that is named", [placed(2, "1")], [plugin("1")], "1 ab"],
  [
    "the one that is named, whatever else there is",
    [placed(2, "1"), placed(6, "2")],
    [plugin("2"), plugin("1")],
    "1 ab",
  ],
  ["none, when it is not there", [placed(2, "1")], [plugin("2")], "lacks"],
  ["none, when only its successor is there", [placed(2, "1"), placed(6, "2")], [plugin("2")], "lacks"],
  [
    "none, though a successor of another number says to stand for it",
    [placed(2, "1"), placed(6, "2", true)],
    [plugin("2")],
    "lacks",
  ],
  ["other code of its number that stands for it", [placed(2, "1"), other(6, "cd")], [plugin("1", "cd")], "1 cd"],
  [
    "none, when other code of its number does not say so",
    [placed(2, "1"), other(6, "cd", false)],
    [plugin("1", "cd")],
    "lacks",
  ],
  ["none, when neither it nor what stands for it is there", [placed(2, "1"), other(6, "cd")], [], "lacks"],
  [
    "a later code of its number, whatever was active in between",
    [placed(2, "1"), placed(6, "2"), other(9, "ef")],
    [plugin("1", "ef")],
    "1 ef",
  ],
  ["the first one that is there", [placed(2, "1"), other(6, "cd"), other(9, "ef")], [plugin("1", "ef")], "1 ef"],
  [
    "the one that is named, also where all that stands for it is there",
    [placed(2, "1"), other(6, "cd"), other(9, "ef")],
    [plugin("1", "ef"), plugin("1", "cd"), plugin("1")],
    "1 ab",
  ],
  [
    "the earliest of those that stand for it",
    [placed(2, "1"), other(6, "cd"), other(9, "ef")],
    [plugin("1", "ef"), plugin("1", "cd")],
    "1 cd",
  ],
  [
    "none, though another plugin's version of that number says to stand for it",
    [placed(2, "1"), { ...other(6, "cd"), plugin: { ...plugin("1", "cd"), name: "queue" } }],
    [{ ...plugin("1", "cd"), name: "queue" }],
    "lacks",
  ],
])("what runs is %s", (_, activations, versions, expected) => {
  expect(found(activations, versions)).toBe(expected);
});

test("what was active before stands for nothing later, also where it stood for another one itself", () => {
  const activations = [placed(2, "1"), other(6, "cd"), other(9, "ef")];
  const running = (index: number) =>
    runningFrom(index, { activations, commitIndex: 100, versions: [plugin("1", "cd")] });
  expect([2, 6, 9].map((index) => running(index).kind)).toEqual(["runs", "runs", "lacks"]);
});

test("what stands for it does so once its entry is committed", () => {
  const activations = [placed(2, "1"), other(6, "cd")];
  expect(found(activations, [plugin("1", "cd")], 5)).toBe("lacks");
  expect(found(activations, [plugin("1", "cd")], 6)).toBe("1 cd");
});

test("what is lacking is named with the entry, with what is there, and with what to do", () => {
  const activations = [placed(2, "1"), placed(6, "2")];
  const lacking = (...versions: readonly PluginVersion[]): Error => {
    const running = runningFrom(6, { activations, commitIndex: 9, versions });
    return running.kind === "lacks" ? running.why : new Error("it runs");
  };
  const gone = lacking(plugin("1"));
  expect(gone).toBeInstanceOf(VersionLacking);
  expect(gone.message).toBe(
    "kv 2 (abababababab) applies the entries behind 6, and this node has kv 1 (abababababab); name that version too in " +
      "[state_machine], and restart the node",
  );
  const changed = lacking(plugin("1"), plugin("2", "cd"));
  expect(changed.message).toContain(
    "this node has kv 1 (abababababab) and kv 2 (cdcdcdcdcdcd); its code has changed since",
  );
  expect(changed.message).toContain("say graft plugin roll-out 2 --force");
  expect(standstillWords(gone)).toStartWith("waits: kv 2");
  expect(standstillWords(new Error("it threw"))).toBe("has stopped: it threw");
});

test("what is lacking is the version of that entry, whatever has been activated since", () => {
  const activations = [placed(2, "1"), placed(6, "2"), placed(9, "3")];
  const lackingAt = (index: number): string => {
    const running = runningFrom(index, { activations, commitIndex: 9, versions: [plugin("3")] });
    return running.kind === "lacks" ? running.why.message : "it runs";
  };
  expect(lackingAt(2)).toStartWith("kv 1 (abababababab) applies the entries behind 2, and this node has kv 3");
  expect(lackingAt(6)).toStartWith("kv 2 (abababababab) applies the entries behind 6, and this node has kv 3");
});

test("an index at which nothing is activated is a mistake of the caller", () => {
  expect(() => runningFrom(3, { activations: [placed(2, "1")], commitIndex: 9, versions: [] })).toThrow(
    "no activation",
  );
});

test("a version is told with the beginning of its hash", () => {
  expect(versionWords(plugin("1"))).toBe("kv 1 (abababababab)");
});
