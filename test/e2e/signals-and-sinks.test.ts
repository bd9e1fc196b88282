// What the surroundings of a node do to it: signals that ask it to stop, signals that must not, and a log that nobody takes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { openFullPipe } from "./full-pipe.ts";
import { binary, graft, temporaryFolder, TestCluster, until } from "./test-cluster.ts";

let folder = "";
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const put = ["execute", "command", "put", '{"key":"a","value":"1"}'] as const;

describe("signals", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 60_000);
  afterAll(() => cluster.remove());

  test.each(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] as const)("%s stops a leader gracefully", async (signal) => {
    await cluster.caughtUp();
    const leader = await cluster.leader();
    cluster.process(leader).signal(signal);
    expect(await cluster.process(leader).exited).toBe(0);
    expect(cluster.logOf(leader)).toContain("handing leadership over");
    cluster.run(leader);
  });

  test("SIGPIPE is no end", async () => {
    const leader = await cluster.leader();
    cluster.process(leader).signal("SIGPIPE");
    expect((await cluster.graft(put)).exitCode).toBe(0);
    expect(cluster.process(leader).isRunning).toBe(true);
  });
});

describe("a node that takes its time to stop", () => {
  /** Its state machine never comes back from the command that it is given. */
  async function withStuckNode(use: (signal: (signal: NodeJS.Signals) => void) => void): Promise<number> {
    const plugin = join(folder, "stuck.ts");
    writeFileSync(
      plugin,
      `export default { style: "raw", name: "stuck", version: "1", create: () => ({
        apply() { for (;;); },
        query: () => new Uint8Array(),
      }) };`,
    );
    const cluster = await TestCluster.start({ nodes: 1, plugin, settings: { log: { level: "trace" } } });
    try {
      const under = cluster.graft(["execute", "command", "anything"]);
      await until("the command is committed", () => /commit 3/.test(cluster.logOf("n1")));
      const node = cluster.process("n1");
      use((signal) => node.signal(signal));
      const exitCode = await node.exited;
      await under;
      return exitCode;
    } finally {
      await cluster.remove();
    }
  }

  test("ends at once at a second signal", async () => {
    const exitCode = await withStuckNode((signal) => {
      signal("SIGTERM");
      signal("SIGINT");
    });
    expect(exitCode).toBe(1);
  });

  test("is given its time when a terminal closes, or a supervisor sends SIGHUP with SIGTERM", async () => {
    const exitCode = await withStuckNode((signal) => {
      signal("SIGHUP");
      signal("SIGTERM");
      signal("SIGHUP");
    });
    expect(exitCode).toBe(0);
  });
});

test("under nohup SIGHUP stays ignored", async () => {
  const cluster = await TestCluster.create({ nodes: 1 });
  const start = ["nohup", binary, "start", "--config", cluster.node("n1").config];
  const node = Bun.spawn(start, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  try {
    await cluster.leader();
    const [, ignored = "0"] = /^SigIgn:\s*(\w+)$/m.exec(readFileSync(`/proc/${node.pid}/status`, "utf8")) ?? [];
    expect((BigInt(`0x${ignored}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n).toBe(1n);
    node.kill("SIGHUP");
    expect((await cluster.graft(put)).exitCode).toBe(0);
    expect(node.exitCode).toBeNull();
  } finally {
    node.kill("SIGKILL");
    await cluster.remove();
  }
});

describe("P50: a log that nobody takes neither ends a node nor keeps it", () => {
  /** Starts the node with this standard error and output; each is closed by the test afterwards. */
  const sinks = {
    full: () => openSync("/dev/full", "w"),
    stuck: () => openFullPipe(join(folder, `stuck-${crypto.randomUUID()}`)),
    // Nobody holds the end that reads.
    "without a reader": () => {
      const path = join(folder, `gone-${crypto.randomUUID()}`);
      Bun.spawnSync(["mkfifo", path]);
      const reading = openSync(path, "r+");
      const writing = openSync(path, "w");
      closeSync(reading);
      return writing;
    },
    closed: () => null,
  } as const;

  /** Through a shell where a descriptor is to be closed. */
  const command = (sink: number | null, args: readonly string[]): string[] =>
    sink === null ? ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', binary, ...args] : [binary, ...args];

  test.each(Object.keys(sinks) as (keyof typeof sinks)[])("%s", async (kind) => {
    const cluster = await TestCluster.create({ nodes: 1, settings: { log: { level: "trace" } } });
    const sink = sinks[kind]();
    const standard = sink ?? "ignore";
    const start = command(sink, ["start", "--config", cluster.node("n1").config, "--json"]);
    const node = Bun.spawn(start, { stdin: "ignore", stdout: standard, stderr: standard });
    try {
      await cluster.leader();
      for (let round = 0; round < 3; round++) expect((await cluster.graft(put)).exitCode).toBe(0);
      expect(node.exitCode).toBeNull();
      node.kill("SIGTERM");
      expect(await node.exited).toBe(0);
    } finally {
      node.kill("SIGKILL");
      if (sink !== null) closeSync(sink);
      await cluster.remove();
    }
  });

  test("a node that cannot start says so to nobody, and ends", async () => {
    const cluster = await TestCluster.create({ nodes: 1 });
    const taken = Bun.listen({
      hostname: "127.0.0.1",
      port: Number(cluster.node("n1").address.split(":").at(-1)),
      socket: { data() {} },
    });
    const sink = sinks.stuck();
    try {
      const start = [binary, "start", "--config", cluster.node("n1").config];
      const node = Bun.spawn(start, { stdin: "ignore", stdout: sink, stderr: sink });
      expect(await node.exited).toBe(1);
    } finally {
      taken.stop(true);
      closeSync(sink);
      await cluster.remove();
    }
  });
});

describe("what a command says", () => {
  test("to a reader that has gone is no failure", () => {
    const ran = Bun.spawnSync(["bash", "-c", '"$0" --help | true; exit "${PIPESTATUS[0]}"', binary]);
    expect([ran.exitCode, ran.stderr.toString()]).toEqual([0, ""]);
  });

  test("to a disk that is full is lost, and the exit code says so", () => {
    const ran = Bun.spawnSync(["sh", "-c", '"$0" --help > /dev/full', binary]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr.toString()).toContain("the answer cannot be written to standard output: ENOSPC");
  });

  test("beside its answer may be lost", async () => {
    const ran = Bun.spawnSync(["sh", "-c", '"$0" nonsense 2> /dev/full', binary]);
    expect(ran.exitCode).toBe(2);
    expect((await graft(["--version"])).exitCode).toBe(0);
  });
});
