// Backing up, restoring, recovering and looking at data, where it is refused: what is said, and that nothing is changed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
let backup: string;

beforeAll(async () => {
  cluster = await TestCluster.start({ nodes: 1, plugin: "counter" });
  backup = join(cluster.layout.dir, "state.backup");
  expect(await cluster.graft(["execute", "command", "add 5"])).toMatchObject({ exitCode: 0 });
  expect(await cluster.graft(["backup", backup])).toMatchObject({ exitCode: 0, stderr: "" });
});
afterAll(() => cluster.remove());

/** The configuration of a node with a data directory of its own. */
function configFor(name: string, changes: readonly (readonly [from: RegExp, to: string])[] = []): string {
  const path = join(cluster.layout.dir, `${name}.toml`);
  const all = [[/data_dir = ".*"/, `data_dir = "data/${name}"`] as const, ...changes];
  const text = readFileSync(cluster.node("n1").config, "utf8");
  writeFileSync(
    path,
    all.reduce((before, [from, to]) => before.replace(from, to), text),
  );
  return path;
}

const dataOf = (name: string): string => join(cluster.layout.dir, "data", name);
const isEmpty = (name: string): boolean => !existsSync(dataOf(name)) || readdirSync(dataOf(name)).length === 0;
const restore = (file: string, config: string, ...more: string[]): Promise<Ran> =>
  cluster.graft(["restore", file, "--config", config, ...more]);

test("the backup of another state machine, of a damaged file, of none", async () => {
  const kv = configFor("kv", [[/plugin = ".*"/, 'plugin = "kv"']]);
  expect(await restore(backup, kv)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`holds the state of the state machine "counter"`),
  });
  const damaged = join(cluster.layout.dir, "damaged.backup");
  const bytes = readFileSync(backup);
  bytes[bytes.length - 60]! ^= 1;
  writeFileSync(damaged, bytes);
  expect(await restore(damaged, configFor("kv"))).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("is damaged"),
  });
  expect(await restore("nothing.backup", configFor("kv"))).toMatchObject({ exitCode: 1 });
  expect(isEmpty("kv")).toBe(true);
});

test("the backup of a cluster of another name, unless that is meant", async () => {
  const config = configFor("other", [[/\[cluster\]\nid = ".*"/, '[cluster]\nid = "other"']]);
  expect(await restore(backup, config)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('a backup of the cluster "test", and [cluster] id is "other"'),
  });
  expect(isEmpty("other")).toBe(true);
  expect(await restore(backup, config, "--force")).toMatchObject({ exitCode: 0, stderr: "" });
  const inspected = await cluster.graft(["log", "inspect", "--data-dir", dataOf("other"), "--verify"]);
  expect(inspected.stdout).toContain("voters n1@");
});

test("what is missing on the command line", async () => {
  for (const words of [["restore", backup], ["recover"], ["log", "inspect"], ["backup"], ["restore"]]) {
    expect((await cluster.graft(words)).exitCode).toBe(2);
  }
});

test("a client that is no administrator gets no backup, and no file is left", async () => {
  expect(await cluster.graft(["certs", "issue", "--client", "guest"])).toMatchObject({ exitCode: 0 });
  const as = ["--cert", "certs/guest.crt", "--key", "certs/guest.key"];
  const ran = await cluster.graft(["backup", "guest.backup", ...as, "--json"]);
  expect(ran.exitCode).toBe(1);
  expect(JSON.parse(ran.stdout).error.code).toBe("unauthorized");
  expect(readdirSync(cluster.layout.dir).filter((name) => name.startsWith("guest.backup"))).toEqual([]);
});

test("a node that is not there, and one that runs", async () => {
  expect(await cluster.graft(["backup", "n9.backup", "--node", "n9"])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("there are: n1"),
  });
  for (const words of [["recover"], ["log", "inspect"]]) {
    expect(await cluster.graft([...words, "--data-dir", dataOf("n1")])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("A node is running"),
    });
  }
});
