// Versions of a state machine on the compiled binary: one is rolled out, a node that lacks the active one waits, and changed code is refused.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

/** Each command adds a step, whose size tells the version. */
const source = (version: string, step: number, remark = ""): string => `
  import { defineRawStateMachine } from "graft";
  // ${remark}
  export default defineRawStateMachine({
    name: "steps",
    version: "${version}",
    create() {
      let value = 0;
      const answer = () => new TextEncoder().encode(String(value));
      return {
        apply() { value += ${step}; return answer(); },
        query: answer,
        snapshot: () => [answer()],
        restore(piece) { value = Number(new TextDecoder().decode(piece)); },
      };
    },
  });`;

let folder: string;
let cluster: TestCluster;
const versionFile = (name: string): string => join(folder, "versions", `${name}.ts`);

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, "versions"));
  await writeFile(versionFile("v1"), source("1.0.0", 1));
  cluster = await TestCluster.start({ plugin: join(folder, "versions") });
});
afterEach(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

const nothing = new Uint8Array();
const textOf = ({ payload }: { readonly payload: Uint8Array }): string => new TextDecoder().decode(payload);

async function steps(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await cluster.client.command(nothing);
}

/** What a linearizable query through each node says. */
async function values(): Promise<readonly string[]> {
  const asked = cluster.layout.nodes.map(({ address }) =>
    cluster.connect([address], { readFrom: "any" }).query(nothing, { consistency: "linearizable" }),
  );
  return (await Promise.all(asked)).map(textOf);
}

async function restart(id: string): Promise<void> {
  await cluster.process(id).kill();
  cluster.run(id);
  await cluster.caughtUp();
}

async function restartAll(): Promise<void> {
  for (const { id } of cluster.layout.nodes) await restart(id);
}

const rollOut = (...args: readonly string[]) => cluster.graft(["plugin", "roll-out", ...args]);

async function problemOf(id: string): Promise<string> {
  const { nodes } = await cluster.client.status();
  return nodes.find((node) => node.id === id)?.problem ?? "";
}

test("a version that is rolled out applies from one entry on, on every node and at every replay", async () => {
  await steps(5);
  const [first = ""] = await cluster.followers();
  // One node has a snapshot, and the others replay their logs.
  expect((await cluster.graft(["backup", "before.backup", "--node", first])).exitCode).toBe(0);
  await writeFile(versionFile("v2"), source("2.0.0", 10));
  await restartAll();
  await steps(1);
  expect(await values()).toEqual(["6", "6", "6"]);

  const plan = await rollOut("--dry-run", "--json");
  expect(JSON.parse(plan.stdout)).toMatchObject({
    dryRun: true,
    refusal: null,
    plugin: { name: "steps", version: "2.0.0" },
    before: { name: "steps", version: "1.0.0" },
  });
  expect(await values()).toEqual(["6", "6", "6"]);
  const done = await rollOut();
  expect(done.stderr).toBe("");
  expect(done.stdout).toMatch(/^steps 2\.0\.0 \([0-9a-f]{12}\) is active since entry \d+\n$/);
  await steps(2);
  expect(await values()).toEqual(["26", "26", "26"]);

  await restartAll();
  await steps(1);
  expect(await values()).toEqual(["36", "36", "36"]);
  expect((await rollOut("1.0.0")).exitCode).toBe(0);
  await steps(1);
  expect(await values()).toEqual(["37", "37", "37"]);
}, 240_000);

test("a node that lacks the active version votes, applies nothing and says so; a voter without the new one is named", async () => {
  await steps(3);
  const [other = ""] = await cluster.followers();
  // This node alone has the new version, and not the old one.
  await writeFile(versionFile("v2"), source("2.0.0", 10));
  await rename(versionFile("v1"), join(folder, "v1.ts"));
  await cluster.process(other).kill();
  cluster.run(other);
  const problem = await until("it says that it waits", async () => (await problemOf(other)) || null);
  expect(problem).toStartWith("its state machine waits: steps 1.0.0 (");
  expect(problem).toContain("this node has steps 2.0.0 (");
  const alone = cluster.connect([cluster.node(other).address], { readFrom: "any" });
  // It sends its clients on.
  expect(textOf(await alone.query(nothing, { consistency: "stale" }))).toBe("3");
  await steps(1);
  const refused = await rollOut();
  expect(refused.exitCode).toBe(0);
  expect(refused.stdout).toContain("steps 1.0.0");
  const { stdout: status } = await cluster.graft(["cluster", "status"]);
  expect(status).toMatch(/^plugin steps 1\.0\.0 \([0-9a-f]{12}\), active since entry \d+$/m);
  expect(status).toMatch(new RegExp(`^also at hand: steps 2\\.0\\.0 \\([0-9a-f]{12}\\) on ${other}$`, "m"));

  await rename(join(folder, "v1.ts"), versionFile("v1"));
  const leader = await cluster.leader();
  const third = (await cluster.followers()).find((id) => id !== other) ?? "";
  await restart(other);
  await restart(leader);
  await cluster.client.transferLeadership(other);
  const named = await rollOut("2.0.0");
  expect(named.exitCode).toBe(1);
  expect(named.stderr).toContain(`${third} has steps 1.0.0 (`);
  await restart(third);
  expect((await rollOut("2.0.0")).exitCode).toBe(0);
  await steps(1);
  expect(await values()).toEqual(["14", "14", "14"]);
}, 240_000);

test("other code under the same number is refused, and taken by force: then it stands for the old code", async () => {
  await steps(3);
  await writeFile(versionFile("v1"), source("1.0.0", 1, "a remark"));
  const [first = "", second = ""] = await cluster.followers();
  const leader = await cluster.leader();
  for (const id of [first, second]) {
    await cluster.process(id).kill();
    cluster.run(id);
    await until(`${id} waits`, async () => (await problemOf(id)).includes("its code has changed since"));
  }
  await cluster.process(leader).kill();
  cluster.run(leader);
  await until(`${leader} waits`, async () => (await problemOf(leader)).includes("its code has changed since"));
  const refused = await rollOut();
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("give it a version of its own, or say --force");
  expect((await rollOut("--force")).exitCode).toBe(0);
  await steps(1);
  expect(await values()).toEqual(["4", "4", "4"]);
}, 240_000);

test("a backup is restored as the version that is active in it", async () => {
  await steps(3);
  expect((await cluster.graft(["backup", "state.backup"])).exitCode).toBe(0);
  const throwing = source("2.0.0", 10).replace("restore(piece) {", 'restore(piece) { throw new Error("not this one");');
  await writeFile(versionFile("v2"), throwing);
  const other = await TestCluster.create({ nodes: 1, plugin: join(folder, "versions") });
  try {
    const { id, config } = other.layout.nodes[0]!;
    const restored = await cluster.graft(["restore", "state.backup", "--config", config]);
    expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
    other.run(id);
    await other.leader();
    expect(textOf(await other.client.query(nothing, { consistency: "linearizable" }))).toBe("3");
  } finally {
    await other.remove();
  }
}, 120_000);
