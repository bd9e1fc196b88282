// A lone voter whose data is damaged, and a node with a finding, by the binary: what is refused, what an administrator is told
// and can do, and that nothing is deleted on the way.
import { afterEach, expect, test } from "bun:test";
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { patienceMs, TestCluster, until } from "./test-cluster.ts";

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

async function lone(): Promise<TestCluster> {
  open = await TestCluster.start({ nodes: 1, plugin: "counter" });
  expect(await open.graft(["execute", "command", "add 5"])).toMatchObject({ exitCode: 0 });
  return open;
}

const value = async (cluster: TestCluster): Promise<string> => {
  const ran = await cluster.graft(["execute", "query", "value"]);
  return ran.stdout.trim();
};

test(
  "P46: a lone voter with an older database refuses, is inspected, and goes on with what is left when told to",
  async () => {
    const cluster = await lone();
    const { dataDir, config } = cluster.node("n1");
    await cluster.process("n1").stop();
    const file = join(dataDir, "graft.sqlite");
    copyFileSync(file, `${file}.older`);
    cluster.run("n1");
    await cluster.leader();
    expect(await cluster.graft(["execute", "command", "add 100"])).toMatchObject({ exitCode: 0 });
    await cluster.process("n1").stop();
    copyFileSync(`${file}.older`, file);
    const before = readFileSync(file);

    const started = await cluster.graft(["start", "--config", config]);
    expect(started.exitCode).toBe(1);
    expect(started.stderr).toContain("only voter");
    expect(started.stderr).toContain("graft recover");
    expect(readFileSync(file)).toEqual(before);

    const inspected = await cluster.graft(["log", "inspect", "--data-dir", dataDir]);
    expect(inspected).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("damaged") });
    const document = JSON.parse((await cluster.graft(["log", "inspect", "--data-dir", dataDir, "--json"])).stdout);
    expect(document.error).toMatchObject({
      code: "damaged",
      inspection: { damage: [expect.stringContaining("are lost here")] },
    });

    const planned = await cluster.graft(["recover", "--data-dir", dataDir]);
    expect(planned).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Damaged:") });
    const recovered = await cluster.graft(["recover", "--data-dir", dataDir, "--accept-data-loss", "--json"]);
    expect(recovered).toMatchObject({ exitCode: 0 });
    cluster.run("n1");
    await until("it leads again", async () => (await value(cluster)) === "5");
  },
  3 * patienceMs,
);

test(
  "P62: a finding keeps a node from starting until an administrator has decided",
  async () => {
    const cluster = await lone();
    const { dataDir, config } = cluster.node("n1");
    const nothing = await cluster.graft(["log", "finding", "--config", config]);
    expect(nothing).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("no finding") });
    await cluster.process("n1").stop();
    cpSync(dataDir, `${dataDir}.copy`, { recursive: true });
    const finding = { kind: "invariant", text: "both n1 and n2 lead term 2", at: "2026-01-01T00:00:00.000Z" };
    writeFileSync(join(dataDir, "graft.finding"), JSON.stringify(finding));

    for (const attempt of [1, 2]) {
      const started = await cluster.graft(["start", "--config", config]);
      expect({ attempt, ...started }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(finding.text) });
      expect(started.stderr).toContain("graft log finding");
    }
    const shown = await cluster.graft(["log", "finding", "--config", config, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ finding, decision: null });
    expect(await cluster.graft(["log", "finding", "--config", config, "--refill", "--dismiss"])).toMatchObject({
      exitCode: 2,
    });
    const refused = await cluster.graft(["log", "finding", "--config", config, "--refill"]);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("only voter") });
    const dismissed = await cluster.graft(["log", "finding", "--config", config, "--dismiss"]);
    expect(dismissed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(finding.text) });
    expect(existsSync(join(dataDir, "graft.finding"))).toBe(false);
    cluster.run("n1");
    await until("it leads again", async () => (await value(cluster)) === "5");
  },
  3 * patienceMs,
);
