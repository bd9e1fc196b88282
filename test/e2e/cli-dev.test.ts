// From nothing to a cluster: certificates by hand, and `graft dev`, which does all of it and leaves no process behind.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { waitUntilGone } from "../../src/client/gone.ts";
import { findFreePortsInARow } from "../../src/local/free-ports.ts";
import { binary, graft, patienceMs, temporaryFolder, until } from "./test-cluster.ts";

let dir: string;
beforeEach(async () => {
  dir = await temporaryFolder();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The first of one port for each node, and of one for the spare. Not the default ones: another run of these tests may be starting on those just now. */
const portsInARow = (count: number): string => findFreePortsInARow(count).toString();

interface DevNode {
  readonly id: string;
  readonly address: string;
  readonly config: string;
}

interface DevDocument {
  readonly dir: string;
  readonly leader: string;
  readonly nodes: readonly DevNode[];
  readonly spare?: DevNode;
  readonly tries: readonly string[];
}

/** Types what `graft dev` suggests into a shell. Resolves with how each line ended. */
const trySuggestions = ({ dir: cwd, tries }: DevDocument): Promise<readonly number[]> =>
  Promise.all(
    tries.map((line) => {
      const env = { ...process.env, PATH: `${dirname(binary)}:${process.env["PATH"]}` };
      return Bun.spawn(["sh", "-c", line], { cwd, env, stdin: "ignore", stdout: "ignore" }).exited;
    }),
  );

/** Runs `graft dev` until `use` is over, and ends it by `signal`. Resolves with its exit code. */
async function withDev(
  flags: readonly string[],
  signal: NodeJS.Signals,
  use: (document: DevDocument) => Promise<void>,
): Promise<number> {
  const out = join(dir, "dev.out");
  const dev = Bun.spawn([binary, "dev", "--json", ...flags], {
    cwd: dir,
    stdin: "ignore",
    stdout: Bun.file(out),
    stderr: "ignore",
  });
  try {
    const text = await until("the cluster is up", () => (existsSync(out) && readFileSync(out, "utf8").trim()) || null);
    await use(JSON.parse(text) as DevDocument);
  } finally {
    dev.kill(signal);
  }
  return dev.exited;
}

describe("certs", () => {
  test("init makes an authority, nodes, a client and a graft.toml; nothing is replaced unasked", async () => {
    const made = await graft(["certs", "init", "shop", "--node", "n1=127.0.0.1:7901", "--json"], { cwd: dir });
    expect(made.exitCode).toBe(0);
    for (const name of ["ca.crt", "ca.key", "n1.crt", "n1.key", "admin.crt", "admin.key"]) {
      expect(existsSync(join(dir, "certs", name))).toBe(true);
    }
    expect(statSync(join(dir, "certs", "ca.key")).mode & 0o777).toBe(0o600);
    expect(Bun.TOML.parse(readFileSync(join(dir, "graft.toml"), "utf8"))).toMatchObject({
      cluster: ["127.0.0.1:7901"],
      id: "shop",
    });

    const again = await graft(["certs", "init", "shop", "--json"], { cwd: dir });
    expect([again.exitCode, JSON.parse(again.stdout).error.code]).toEqual([1, "config"]);
    expect((await graft(["certs", "issue", "--node", "n2=127.0.0.1:7902"], { cwd: dir })).exitCode).toBe(0);
    expect(existsSync(join(dir, "certs", "n2.key"))).toBe(true);
    expect((await graft(["certs", "issue"], { cwd: dir })).exitCode).toBe(2);
    expect((await graft(["certs", "issue", "--node", "n3"], { cwd: dir })).exitCode).toBe(2);
  });
});

describe("dev", () => {
  test("three nodes, found from their folder without flags; their data is there at the next start", async () => {
    const first = await withDev(["--dir", "here", "--port", portsInARow(4)], "SIGINT", async (document) => {
      expect(document.nodes.map(({ id }) => id)).toEqual(["n1", "n2", "n3"]);
      const inside = { cwd: document.dir };
      expect(await trySuggestions(document)).toEqual([0, 0]);
      expect((await graft(["execute", "command", "put", '{"key":"a","value":"1"}'], inside)).exitCode).toBe(0);
      expect((await graft(["cluster", "status"], inside)).stdout).toContain(`leader ${document.leader}`);
      const { id, address, config } = document.spare!;
      const startFourth = [binary, "start", "--config", config, "--stop-with-stdin"];
      const fourth = Bun.spawn(startFourth, { cwd: dir, stdin: "pipe", stderr: "ignore" });
      await until("one node more is added", async () => {
        const { exitCode } = await graft(["cluster", "add", id, address, "--timeout", "20s"], inside);
        return exitCode === 0;
      });
      await fourth.stdin.end();
      await fourth.exited;
    });
    expect(first).toBe(0);
    // As a terminal does that is closed.
    const second = await withDev(["--dir", "here"], "SIGHUP", async (document) => {
      const got = await graft(["execute", "query", "get", '{"key":"a"}'], { cwd: document.dir });
      expect(got).toMatchObject({ exitCode: 0, stdout: "1" });
      for (const { address } of document.nodes) expect(await waitUntilGone(address, 0, systemClock)).not.toBeNull();
      // The one that was added runs with the others from now on.
      await until("all four are there", async () => {
        const status = JSON.parse((await graft(["cluster", "status", "--json"], { cwd: document.dir })).stdout);
        return status.nodes.length === 4 && status.nodes.every((node: { reachable: boolean }) => node.reachable);
      });
    });
    expect(second).toBe(0);
  });

  test("a raw state machine of one's own; no node outlives a parent that was killed", async () => {
    const plugin = `import { defineRawStateMachine } from "graft";
      export default defineRawStateMachine({ name: "last", version: "1", create() {
        let last = new Uint8Array();
        return { apply(bytes) { const before = last; last = bytes; return before; }, query: () => last };
      } });`;
    await writeFile(join(dir, "last.ts"), plugin);
    let addresses: readonly string[] = [];
    await withDev(["--nodes", "1", "--plugin", "./last.ts", "--port", portsInARow(2)], "SIGKILL", async (document) => {
      addresses = document.nodes.map(({ address }) => address);
      const inside = { cwd: document.dir };
      expect(await trySuggestions(document)).toEqual([0, 0]);
      const command = ["execute", "command"];
      expect((await graft([...command, "hello"], inside)).exitCode).toBe(0);
      expect((await graft([...command, "00ff", "--hex"], inside)).stdout).toBe("68656c6c6f\n");
      expect((await graft([...command, "--stdin"], { ...inside, stdin: "x" })).stdoutBytes).toEqual(
        new Uint8Array([0, 255]),
      );
      expect((await graft(["execute", "query"], inside)).stdout).toBe("x");
      expect(await graft([...command, "two", "words"], inside)).toMatchObject({ exitCode: 2 });
    });
    expect(addresses).toHaveLength(1);
    for (const address of addresses) expect(await waitUntilGone(address, patienceMs, systemClock)).toBeNull();
  });
});

describe("bench", () => {
  test("replication and election measure a cluster of their own", async () => {
    const put = await graft(["bench", "replication", "--clients", "4", "--bytes", "64", "--seconds", "1", "--json"], {
      cwd: dir,
    });
    const number: unknown = expect.any(Number);
    expect(JSON.parse(put.stdout)).toEqual({
      system: "graft",
      op: "put",
      clients: 4,
      bytes: 64,
      failures: 0,
      opsPerSecond: number,
      p50Ms: number,
      p99Ms: number,
      p999Ms: number,
    });
    expect(JSON.parse(put.stdout).opsPerSecond).toBeGreaterThan(10);
    const election = await graft(["bench", "election", "--runs", "1", "--json"], { cwd: dir });
    const [run, summary] = election.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(run).toEqual({ system: "graft", op: "failover", signal: "SIGKILL", ms: number });
    expect(summary).toMatchObject({ op: "failover-summary", runs: 1, minMs: run.ms });
  });
});
