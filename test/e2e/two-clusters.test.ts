// P68: two clusters of one name, as when an old one still runs beside the one that was restored from its backup. The command line
// mixes nothing: one of them answers, the other one is named, and graft.toml says which is meant.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "../../src/local/free-ports.ts";
import { NodeProcess } from "../../src/local/node-process.ts";
import { binary, TestCluster, until } from "./test-cluster.ts";

let open: TestCluster | null = null;
let second: NodeProcess | null = null;
afterEach(async () => {
  await second?.kill();
  await open?.remove();
  open = second = null;
});

/** A node with the certificate of n1, founded anew in another folder. Returns its address. */
async function secondCluster(cluster: TestCluster): Promise<string> {
  const { id, config, address } = cluster.node("n1");
  const [port] = findFreePorts(1);
  const other = `127.0.0.1:${port}`;
  const node = {
    id,
    address: other,
    config: join(cluster.layout.dir, "other.toml"),
    dataDir: join(cluster.layout.dir, "other"),
  };
  const text = readFileSync(config, "utf8")
    .replaceAll(address, other)
    .replace(/data_dir = .*/, 'data_dir = "other"');
  writeFileSync(node.config, text);
  second = new NodeProcess({ program: [binary], node, log: join(cluster.layout.dir, "other.log") });
  await until("the second cluster leads", async () => {
    const { stdout } = await cluster.graft(["cluster", "status", "--json", "-c", other]);
    return JSON.parse(stdout).leader === "n1";
  });
  return other;
}

const names = (cluster: TestCluster, ...addresses: readonly string[]): string =>
  readFileSync(cluster.layout.clientFile, "utf8").replace(/^cluster = .*$/m, `cluster = ${JSON.stringify(addresses)}`);

describe("P68: two clusters of one name", () => {
  test("one of them answers, the other is reported, and graft.toml chooses", async () => {
    const cluster = (open = await TestCluster.start({ nodes: 1 }));
    const { address } = cluster.node("n1");
    const { clientFile } = cluster.layout;
    const other = await secondCluster(cluster);
    const uuidAt = async (at: string): Promise<string> =>
      JSON.parse((await cluster.graft(["cluster", "status", "--json", "-c", at])).stdout).clusterUuid;
    const [uuid, otherUuid] = [await uuidAt(address), await uuidAt(other)];
    expect(uuid).not.toBe(otherUuid);
    const both = names(cluster, address, other);
    writeFileSync(clientFile, both);

    const status = await cluster.graft(["cluster", "status", "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({
      clusterUuid: uuid,
      nodes: [{ id: "n1", address }],
      otherClusters: [{ address: other, clusterUuid: otherUuid }],
    });
    const words = await cluster.graft(["cluster", "status"]);
    expect(words.stderr).toContain(`${other} belongs to another cluster named test (uuid ${otherUuid})`);
    expect(readFileSync(clientFile, "utf8")).toBe(both);

    writeFileSync(clientFile, `${both}uuid = "${otherUuid}"\n`);
    const put = await cluster.graft(["execute", "command", "put", '{"key":"a","value":"1"}']);
    expect(put.exitCode).toBe(0);
    const valueAt = async (at: string): Promise<unknown> =>
      JSON.parse((await cluster.graft(["execute", "query", "get", '{"key":"a"}', "--json", "-c", at])).stdout).result;
    expect([await valueAt(address), await valueAt(other)]).toEqual([null, "1"]);

    await second!.kill();
    const refused = await cluster.graft([
      "execute",
      "command",
      "put",
      '{"key":"a","value":"2"}',
      "--json",
      "--timeout",
      "2s",
    ]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stdout).toContain(`${address} belongs to another cluster`);
    expect(await valueAt(address)).toBeNull();
  }, 120_000);
});

test("the status changes no graft.toml: it hints at a member that no listed address leads to", async () => {
  const cluster = (open = await TestCluster.start());
  await cluster.caughtUp();
  const { clientFile } = cluster.layout;
  const text = readFileSync(clientFile, "utf8");
  const [down = "", up = ""] = await cluster.followers();
  await cluster.process(down).kill();

  const aliases = text.replaceAll("127.0.0.1", "localhost");
  writeFileSync(clientFile, aliases);
  for (const flags of [[], ["--json"]])
    expect(await cluster.graft(["cluster", "status", ...flags])).toMatchObject({ exitCode: 0, stderr: "" });
  expect(readFileSync(clientFile, "utf8")).toBe(aliases);

  const [port] = findFreePorts(1);
  const { address } = cluster.node(up);
  const outdated = text.replace(address, `127.0.0.1:${port}`);
  writeFileSync(clientFile, outdated);
  const { exitCode, stderr } = await cluster.graft(["cluster", "status"]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain(`127.0.0.1:${port}`);
  expect(stderr).toContain(`where no node answers, and does not list ${up} at ${address}\n`);
  expect(readFileSync(clientFile, "utf8")).toBe(outdated);
}, 120_000);

test("a change of the members says what became of graft.toml, and is done even if that may not be written", async () => {
  const cluster = (open = await TestCluster.start({ nodes: 1 }));
  const { clientFile } = cluster.layout;
  const { address } = await cluster.join("n2");
  const added = await cluster.graft(["cluster", "add", "n2", address, "--json"]);
  const report = { path: realpathSync(clientFile), gone: [], come: [address] };
  expect(JSON.parse(added.stdout).clientFile).toEqual({ ...report, kind: "written" });
  const followed = readFileSync(clientFile, "utf8");
  expect(followed).toContain(address);

  chmodSync(clientFile, 0o444);
  const { exitCode, stderr } = await cluster.graft(["cluster", "remove", "n2"]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain("was not changed: it may not be written");
  expect(stderr).toContain(`gone: ${address}`);
  expect(readFileSync(clientFile, "utf8")).toBe(followed);
}, 120_000);
