// Nodes that run other code than their leader, on the compiled binary: each says so, and the status shows it.
import { afterEach, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

const source = (version: string, step: number): string => `
  import { defineRawStateMachine } from "graft";
  import { step } from "./step.ts";
  export default defineRawStateMachine({
    name: "steps",
    version: "${version}",
    create() {
      let value = 0;
      const answer = () => new TextEncoder().encode(String(value));
      return { apply() { value += step * ${step}; return answer(); }, query: answer };
    },
  });`;

let folder: string;
let cluster: TestCluster | null = null;
afterEach(async () => {
  await cluster?.remove();
  await rm(folder, { recursive: true });
});

/** What the leader says of each node that does not run what it runs; null: not yet of all of them, with `other` alone being different. */
async function namedBeside(running: TestCluster, other: string): Promise<readonly string[] | null> {
  const leader = await running.leader();
  const { nodes } = await running.client.status(running.node(leader).address);
  const different = nodes.filter(({ id }) => (id === other) !== (leader === other));
  const problems = different.map(({ problem }) => problem ?? "");
  const others = nodes.filter((node) => !different.includes(node));
  return problems.every((problem) => problem.startsWith("it runs ")) && others.every(({ problem }) => problem === null)
    ? problems
    : null;
}

async function allWell(running: TestCluster): Promise<boolean> {
  const { nodes } = await running.client.status();
  return nodes.every(({ reachable, problem }) => reachable && problem === null);
}

test("a node with another version, or with other code in a file that the plugin imports, is named", async () => {
  folder = await temporaryFolder();
  const [plugin, imported] = [join(folder, "steps.ts"), join(folder, "step.ts")];
  await writeFile(plugin, source("1.0.0", 1));
  await writeFile(imported, "export const step = 1;");
  cluster = await TestCluster.start({ plugin });
  const running = cluster;
  await until("all run the same", () => allWell(running));
  const [other = ""] = await running.followers();
  const restart = async (): Promise<void> => {
    await running.process(other).kill();
    running.run(other);
  };

  await writeFile(imported, "export const step = 2;");
  await restart();
  const words =
    /^it runs steps 1\.0\.0 \(code [0-9a-f]{12}\), and the leader n\d runs steps 1\.0\.0 \(code [0-9a-f]{12}\): /;
  for (const said of await until("other code is named", () => namedBeside(running, other))) expect(said).toMatch(words);
  expect(running.logOf(other)).toContain("run the same code on every node");

  await writeFile(imported, "export const step = 1;");
  await restart();
  await until("all run the same again", () => allWell(running));

  await writeFile(plugin, source("2.0.0", 1));
  await restart();
  const versions =
    /^it runs steps (1\.0\.0|2\.0\.0) \(code [0-9a-f]{12}\), and the leader n\d runs steps (?!\1)[12]\.0\.0 /;
  for (const said of await until("another version is named", () => namedBeside(running, other)))
    expect(said).toMatch(versions);
}, 180_000);
