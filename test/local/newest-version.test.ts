// What a cluster for trying things out does about code that it finds changed, and what it tells of it.
import { expect, test } from "bun:test";
import type { GraftClient, RollOutOptions } from "../../src/client/client.ts";
import type { PluginVersion } from "../../src/core/activation.ts";
import { rollOutNewest } from "../../src/local/newest-version.ts";

const version = (number: string, hash: string): PluginVersion => ({
  name: "kv",
  version: number,
  hash: hash.repeat(32),
});

/** A cluster whose nodes have this version, and what it is asked for besides what would come of it. */
function clusterOf(before: PluginVersion | null, plugin: PluginVersion, refusal: string | null = null) {
  const asked: RollOutOptions[] = [];
  const rollOut: GraftClient["rollOut"] = (options) => {
    if (options?.dryRun !== true) asked.push(options ?? {});
    return Promise.resolve({ kind: "rolledOut", id: 1, index: null, plugin, before, refusal });
  };
  return { asked, client: { rollOut } };
}

test("changed code under one number stands for the code of before, which is told", async () => {
  const [before, plugin] = [version("1", "ab"), version("1", "cd")];
  const { asked, client } = clusterOf(before, plugin);
  expect(await rollOutNewest(client, 1_000)).toEqual(before);
  expect(asked).toEqual([{ version: "1", replaces: true, timeoutMs: 1_000 }]);
});

test("a version with a number of its own stands for none", async () => {
  const { asked, client } = clusterOf(version("1", "ab"), version("2", "cd"));
  expect(await rollOutNewest(client, 1_000)).toBeNull();
  expect(asked).toEqual([{ version: "2", replaces: false, timeoutMs: 1_000 }]);
});

test("nothing is asked for while the active version is the last one", async () => {
  const { asked, client } = clusterOf(version("1", "ab"), version("1", "ab"));
  expect(await rollOutNewest(client, 1_000)).toBeNull();
  expect(asked).toEqual([]);
});

test("what stands in the way to the end is the error", () => {
  const { client } = clusterOf(version("1", "ab"), version("2", "cd"), "n2 has kv 1");
  expect(rollOutNewest(client, 0)).rejects.toThrow("n2 has kv 1");
});
