// What the command line says of commands and queries that fail after they were taken: the exit code, and the typed parts of the
// error. How a cluster fails is cli-failures.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, TestCluster } from "./test-cluster.ts";

/** Counts its commands. A result of nine MiB is more than the protocol carries. */
const plugin = `
  const text = (bytes) => new TextDecoder().decode(bytes);
  const answer = (word, count) => (word === "large" ? new Uint8Array(9 << 20) : new TextEncoder().encode(String(count)));
  const create = () => {
    let count = 0;
    return {
      apply: (payload) => {
        if (text(payload) === "poison") throw new RangeError("it cannot go on");
        return answer(text(payload), ++count);
      },
      query: (payload) => {
        if (text(payload) === "fail") throw new RangeError("no such question");
        return answer(text(payload), count);
      },
    };
  };
  export default { style: "raw", name: "fails", version: "1", create };
`;

let folder: string;
let cluster: TestCluster;
beforeAll(async () => {
  folder = await temporaryFolder();
  const path = join(folder, "fails.ts");
  writeFileSync(path, plugin);
  cluster = await TestCluster.start({ nodes: 1, plugin: path });
});
afterAll(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

async function failing(kind: "command" | "query", word: string): Promise<readonly unknown[]> {
  const { exitCode, stdout } = await cluster.graft(["execute", kind, word, "--json"]);
  const { code, effect, message, meaning, next } = JSON.parse(stdout).error;
  for (const text of [message, meaning, next]) expect(text).toBeString();
  return [exitCode, code, effect, meaning];
}

test("P73: a command that was applied and whose result cannot be sent is said to have taken effect", async () => {
  const took = [1, "result-lost", "done", "The command took effect."];
  expect(await failing("command", "large")).toEqual(took);
  const { stdout } = await cluster.graft(["execute", "query", "count"]);
  expect(stdout).toBe("1");
  const words = await cluster.graft(["execute", "command", "large"]);
  expect(words.stderr.split("\n").map((line) => line.trim().split(" ", 1)[0])).toEqual([
    "error:",
    "data:",
    "next:",
    "",
  ]);
});

test("P73: a query that fails has changed nothing, and says nothing of a command", async () => {
  expect(await failing("query", "large")).toEqual([1, "result-lost", "none", "A query changes nothing."]);
  expect(await failing("query", "fail")).toEqual([1, "query-failed", "none", "A query changes nothing."]);
});

test("P73: a command at which the state machine stops is in doubt; one that comes later did not take effect", async () => {
  const meaning = "The command may or may not have taken effect, and may still do so.";
  expect(await failing("command", "poison")).toEqual([4, "apply-failed", "unknown", meaning]);
  const never = "The command was not sent, so it did not take effect.";
  expect(await failing("command", "later")).toEqual([1, "state-machine", "none", never]);
  expect(await failing("query", "later")).toEqual([1, "state-machine", "none", "A query changes nothing."]);
});
