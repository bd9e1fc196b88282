// What is thrown where nothing expects it ends the node at once, whatever it is thrown from. The compiled program of
// faulty-graft.ts plants a throw at each source; what happens then is the production code's doing.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { compile } from "../../build.ts";
import { NodeProcess } from "../../src/local/node-process.ts";
import { openFullPipe } from "./full-pipe.ts";
import { graft, temporaryFolder, TestCluster, until } from "./test-cluster.ts";

const fatalExitCode = 70;

let folder = "";
let faulty = "";
let cluster: TestCluster;
beforeAll(async () => {
  folder = await temporaryFolder();
  faulty = join(folder, "faulty-graft");
  await compile(join(import.meta.dir, "faulty-graft.ts"), faulty);
  cluster = await TestCluster.start({ settings: { log: { format: "json" } } });
}, 120_000);
afterAll(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true, force: true });
});

const when = (): string => join(folder, "when");
const sent = (): string => join(folder, "sent");
const put = () => cluster.graft(["execute", "command", "put", '{"key":"a","value":"1"}']);
/** The node is dialled, and closes the connection or is gone. */
const dial = () =>
  cluster
    .connect([cluster.node("n3").address])
    .status(null, { timeoutMs: 1000 })
    .catch(String);
const nothing = async (): Promise<void> => {};

/** What makes each source throw, if it does not by itself. */
const provocations = {
  timer: nothing,
  // A dial that nobody answers ends in a promise that nothing awaits.
  promise: () => cluster.process("n2").kill(),
  "socket accepted": dial,
  "socket secured": dial,
  "socket data": nothing,
  "socket closed": () => cluster.process("n2").kill(),
  worker: put,
  step: nothing,
  effect: put,
} as const satisfies Readonly<Record<string, () => Promise<unknown>>>;

type Fault = keyof typeof provocations;

/** The core's own check finds what is planted in a step, in its own words. */
const reasons: Readonly<Partial<Record<Fault, string>>> = { step: "confirmed, but only" };

const armed = (fault: string): string[] => [
  "env",
  `FAULT=${fault}`,
  `FAULT_WHEN=${when()}`,
  `FAULT_SENT=${sent()}`,
  faulty,
];

/** n3 as the faulty program, in step with the others; its fault waits until the file is there. */
async function runFaulty(fault: string, log: string): Promise<NodeProcess> {
  for (const file of [when(), sent()]) rmSync(file, { force: true });
  await cluster.process("n3").kill();
  const faultyNode = new NodeProcess({ program: armed(fault), node: cluster.node("n3"), log });
  return faultyNode;
}

interface Line {
  readonly level: string;
  readonly message: string;
}

const linesOf = (log: string): readonly Line[] =>
  readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

/** P62: a broken rule of Raft is shown again at each start, until an administrator has decided. */
async function mustBeDecided(message: string): Promise<void> {
  const { config } = cluster.node("n3");
  const again = await graft(["start", "--config", config]);
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toContain("a rule of Raft does not hold");
  expect(message).toContain("a rule of Raft does not hold");
  expect((await graft(["log", "finding", "--config", config, "--dismiss"])).exitCode).toBe(0);
}

test.each(Object.keys(provocations) as Fault[])(
  "P58: a throw from a %s ends the node at once, with a last word",
  async (fault) => {
    const log = join(folder, `${fault}.log`);
    const node = await runFaulty(fault, log);
    try {
      writeFileSync(when(), "");
      const provoked = provocations[fault]();
      expect(await node.exited).toBe(fatalExitCode);
      expect(existsSync(sent())).toBe(false);
      const [where, last] = linesOf(log).slice(-2);
      expect([where?.level, last?.level]).toEqual(["error", "error"]);
      expect(where?.message).toContain("thrown at ");
      expect(last?.message).toContain("the node ends at once");
      expect(last?.message).toContain(reasons[fault] ?? `planted in ${fault}`);
      await provoked;
      if (fault === "step") await mustBeDecided(last?.message ?? "");
    } finally {
      await node.kill();
      if (!cluster.process("n2").isRunning) cluster.run("n2");
      cluster.run("n3");
    }
    await cluster.caughtUp();
  },
);

test("P58: the last word has the form of the log that is for people, too", async () => {
  const { config } = cluster.node("n3");
  const log = join(folder, "pretty.log");
  const json = readFileSync(config, "utf8");
  writeFileSync(config, json.replace('format = "json"', 'format = "pretty"'));
  const node = await runFaulty("timer", log);
  try {
    writeFileSync(when(), "");
    expect(await node.exited).toBe(fatalExitCode);
    const last = readFileSync(log, "utf8").trim().split("\n").at(-1);
    expect(last).toMatch(/^\d{4}-\S+Z error the node ends at once, .*: TypeError: planted in timer$/);
  } finally {
    await node.kill();
    writeFileSync(config, json);
    cluster.run("n3");
  }
  await cluster.caughtUp();
});

test("P50, P58: a log that nobody reads does not keep a node that has failed", async () => {
  for (const file of [when(), sent()]) rmSync(file, { force: true });
  await cluster.process("n3").kill();
  const stderr = openFullPipe(join(folder, "full"));
  const start = [...armed("timer"), "start", "--config", cluster.node("n3").config];
  const node = Bun.spawn(start, { stdin: "ignore", stdout: "ignore", stderr });
  try {
    await cluster.caughtUp();
    writeFileSync(when(), "");
    expect(await node.exited).toBe(fatalExitCode);
  } finally {
    node.kill("SIGKILL");
    closeSync(stderr);
    cluster.run("n3");
  }
  await cluster.caughtUp();
});

describe("P58: a command that fails by a mistake in Graft", () => {
  const status = (fault: string, ...flags: string[]) => {
    writeFileSync(when(), "");
    const { cert, key } = { cert: "certs/admin.crt", key: "certs/admin.key" };
    const access = ["-c", "127.0.0.1:1", "--ca", "certs/ca.crt", "--cert", cert, "--key", key];
    const { dir: cwd } = cluster.layout;
    const ran = Bun.spawnSync([...armed(fault), "cluster", "status", ...access, ...flags], { cwd });
    return { exitCode: ran.exitCode, stdout: ran.stdout.toString(), stderr: ran.stderr.toString() };
  };

  test("says so to people on standard error", () => {
    const ran = status("promise");
    expect([ran.exitCode, ran.stdout]).toEqual([fatalExitCode, ""]);
    expect(ran.stderr).toContain("planted in promise");
    expect(ran.stderr).toContain("a mistake in Graft");
  });

  test("says so to programs as one document on standard output", () => {
    const ran = status("promise", "--json");
    expect([ran.exitCode, ran.stderr]).toEqual([fatalExitCode, ""]);
    expect(JSON.parse(ran.stdout).error).toMatchObject({ code: "internal", message: "planted in promise" });
  });

  test("is not taken for done when it never settles", () => {
    expect(status("endless").exitCode).toBe(fatalExitCode);
  });
});

test("a throw on the state machine's own thread stops the state machine, and the node says so and stays", async () => {
  const plugin = join(folder, "leaves-behind.ts");
  writeFileSync(
    plugin,
    `export default { style: "raw", name: "leaves-behind", version: "1", create: () => ({
      apply() { void Promise.reject(new Error("left behind")); return new Uint8Array(); },
      query: () => new Uint8Array(),
    }) };`,
  );
  const other = await TestCluster.start({ nodes: 1, plugin });
  try {
    await other.graft(["execute", "command", "anything", "--timeout", "5s"]);
    const said = /failed outside of apply, after entry \d+ \(term \d+\): Error: left behind/;
    await until("the node says it", () => said.test(other.logOf("n1")));
    expect((await other.client.status()).nodes[0]?.problem).toContain("left behind");
    expect(other.process("n1").isRunning).toBe(true);
  } finally {
    await other.remove();
  }
});
