// Leadership goes where it can be used, over real TLS: away from a node that nobody can dial, and from one whose certificate
// has expired.
import { afterEach, describe, expect, test } from "bun:test";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { issueInto } from "../../src/adapters/certs/folder.ts";
import { findFreePorts } from "../../src/local/free-ports.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

const inALine = (text: string): string => text.replace(/\s+/g, " ");

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

/** The files of a cluster whose first leader is n1, which waits least for it. */
async function ledByN1(n1: Readonly<Record<string, string>> = {}): Promise<TestCluster> {
  const cluster = await TestCluster.create({ settings: { raft: { election_timeout_ms: 2_000 } } });
  open = cluster;
  const { config } = cluster.node("n1");
  const file = parse(await readFile(config, "utf8"));
  const node = { ...(file["node"] as object), ...n1 };
  await writeFile(config, stringify({ ...file, node, raft: { election_timeout_ms: 200 } }));
  return cluster;
}

const hasLed = (cluster: TestCluster, id: string): boolean => cluster.logOf(id).includes(`${id} leader term`);

async function runAll(cluster: TestCluster): Promise<void> {
  for (const { id } of cluster.layout.nodes) cluster.run(id);
  await until("n1 leads", () => hasLed(cluster, "n1"));
}

describe("a leader hands over to a node that can be used", () => {
  test("P71: when neither its peers nor clients can dial it", async () => {
    const [port = 0] = findFreePorts(1);
    const cluster = await ledByN1({ listen: `127.0.0.1:${port}` });
    await runAll(cluster);
    await until("another one leads", async () => ["n2", "n3"].includes(await cluster.leader()));
    const { exitCode } = await cluster.graft(["execute", "command", "put", '{"key":"a","value":"1"}']);
    expect(exitCode).toBe(0);
    const { stdout } = await cluster.graft(["cluster", "status"]);
    expect(stdout.replace(/\s+/g, " ")).toContain("the other voters cannot dial it");
    const handed = await cluster.graft(["cluster", "leader", "n1"]);
    expect(handed.exitCode).not.toBe(0);
    expect(handed.stderr.replace(/\s+/g, " ")).toContain("no other voter can dial it");
  }, 120_000);

  test("when its certificate has expired", async () => {
    const cluster = await ledByN1();
    const hosts = [cluster.node("n1").address];
    const days = 30 / 86_400;
    await issueInto(join(cluster.layout.dir, "certs"), { nodes: [{ id: "n1", hosts }], days, force: true });
    await runAll(cluster);
    await until("another one leads", () => hasLed(cluster, "n2") || hasLed(cluster, "n3"));
    expect(cluster.logOf("n1")).toContain("its certificate expired at");
    expect(cluster.process("n1").isRunning).toBe(true);
  }, 120_000);
});

const poisonable = `
  const apply = (payload) => {
    if (new TextDecoder().decode(payload) === "poison") throw new RangeError("that is poison");
    return payload;
  };
  export default { style: "raw", name: "poisonable", version: "1", create: () => ({ apply, query: (payload) => payload }) };
`;

test("P72: a command that stops every state machine moves leadership nowhere, and all name its entry", async () => {
  const folder = await temporaryFolder();
  const plugin = join(folder, "poisonable.ts");
  await writeFile(plugin, poisonable);
  const cluster = await TestCluster.start({ plugin });
  open = cluster;
  await cluster.caughtUp();
  const { term, leader } = await cluster.view();
  const poisoned = await cluster.graft(["execute", "command", "poison"]);
  expect([poisoned.exitCode, inALine(poisoned.stderr)]).toEqual([
    4,
    expect.stringMatching(/entry \d+ .*that is poison/),
  ]);
  const [, entry] = /entry (\d+)/.exec(poisoned.stderr) ?? [];
  await until("every node has stopped at it", () =>
    cluster.layout.nodes.every(({ id }) => cluster.logOf(id).includes("the state machine has stopped")),
  );
  // Clients go on asking, and are told so each time.
  for (let count = 0; count < 20; count++) {
    const later = await cluster.graft(["execute", "command", "later", "--timeout", "5s"]);
    expect(inALine(later.stderr)).toContain(`entry ${entry} `);
  }
  const after = await cluster.view();
  expect([after.term, after.leader?.id]).toEqual([term, leader?.id]);
  const status = inALine((await cluster.graft(["cluster", "status"])).stdout);
  for (const id of ["n1", "n2", "n3"]) expect(status).toContain(id);
  expect(status.split(`entry ${entry} `).length).toBeGreaterThanOrEqual(4);
  await rm(folder, { recursive: true });
}, 120_000);
