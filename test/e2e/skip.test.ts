// An entry that no state machine gets past, on the compiled binary: it is named, skipped, and stays so over restarts and in a session.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../src/adapters/cbor/value.ts";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

/** `add` counts, `fail` throws and `hang` never ends. */
const source = `
  import { defineStateMachine, v } from "graft";
  export default defineStateMachine({
    name: "touchy",
    version: "1.0.0",
    create: () => ({ count: 0 }),
    snapshot: (state) => [state.count],
    restore: (state, item) => void (state.count = item),
    commands: {
      add: { input: v.number(), apply: (state, by) => (state.count += by) },
      fail: { input: v.string(), apply(state) { state.count += 1000; throw new RangeError("it cannot go on"); } },
      hang: { input: v.string(), apply() { for (;;); } },
    },
    queries: { count: { input: v.optional(v.null()), answer: (state) => state.count } },
  });`;

let folder: string;
let cluster: TestCluster;
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, "touchy.ts"), source);
  cluster = await TestCluster.start({ plugin: join(folder, "touchy.ts") });
});
afterEach(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

const command = (...args: readonly string[]) => cluster.graft(["execute", "command", ...args]);

/** What a linearizable query through each node says. */
async function counts(): Promise<readonly unknown[]> {
  const asked = cluster.layout.nodes.map(({ address }) =>
    cluster
      .connect([address], { readFrom: "any" })
      .query(encodeValue(["count", null]), { consistency: "linearizable" }),
  );
  return (await Promise.all(asked)).map(({ payload }) => decodeValue(payload));
}

/** The state is made anew meanwhile. */
const added = (by: string): Promise<string> =>
  until("a command is taken again", async () => (await command("add", by)).stdout.trim() || null);

/** The entry that the leader's status names, and the whole sentence. */
const stuckAt = (of = cluster): Promise<{ readonly entry: number; readonly problem: string }> =>
  until("the leader names the entry", async () => {
    const { nodes } = await of.client.status();
    const problems = nodes.flatMap(({ problem }) => (problem === null ? [] : [problem]));
    const [, entry] = /entry (\d+) \(term \d+\), the command \w+/.exec(problems[0] ?? "") ?? [];
    return problems.length === 3 && entry !== undefined ? { entry: Number(entry), problem: problems[0]! } : null;
  });

async function skip(entry: number, of = cluster): Promise<string> {
  const { stdout, stderr } = await until(`entry ${entry} is skipped`, async () => {
    const done = await of.graft(["cluster", "skip", String(entry)]);
    // The voters may have yet to say that they stand still.
    return done.exitCode === 0 || !done.stderr.includes("is no majority") ? done : null;
  });
  return `${stdout}${stderr}`;
}

test("an entry that stops every state machine is named with its operation, and skipped on every node and over restarts", async () => {
  expect((await command("add", "5")).stdout.trim()).toBe("5");
  const failed = await command("fail", '"a secret"');
  expect(failed.stderr).toMatch(/failed at entry \d+ \(term \d+\), the command fail: RangeError: it cannot go on/);
  const { entry, problem } = await stuckAt();
  expect(`${failed.stderr}${problem}`).not.toContain("secret");

  const other = await cluster.graft(["cluster", "skip", String(entry + 1)]);
  expect([other.exitCode, other.stderr]).toEqual([
    1,
    expect.stringContaining(`cannot get past entry ${entry}, so entry ${entry + 1} is not`),
  ]);
  const plan = await cluster.graft(["cluster", "skip", String(entry), "--dry-run"]);
  expect(plan.stdout.trim()).toBe(`would be skipped: entry ${entry}, the command fail`);
  expect(await skip(entry)).toMatch(new RegExp(`^skipped: entry ${entry}, the command fail, as entry \\d+ says\\n$`));

  expect(await added("2")).toBe("7");
  expect(await counts()).toEqual([7, 7, 7]);
  for (const { id } of cluster.layout.nodes) {
    await cluster.process(id).kill();
    cluster.run(id);
    await cluster.caughtUp();
  }
  expect(await counts()).toEqual([7, 7, 7]);
}, 240_000);

test("an entry at which every state machine hangs is skipped as well", async () => {
  expect((await command("add", "5")).stdout.trim()).toBe("5");
  const hanging = command("hang", '"x"', "--timeout", "8s");
  const { entry, problem } = await stuckAt();
  expect(problem).toContain("busy with entry");
  expect((await hanging).exitCode).not.toBe(0);
  expect(await skip(entry)).toStartWith(`skipped: entry ${entry}, the command hang`);
  expect(await added("2")).toBe("7");
  expect(await counts()).toEqual([7, 7, 7]);
}, 240_000);

describe.skipIf(Bun.which("python3") === null)("of a program, which is given several commands at a time", () => {
  const program = readFileSync(join(import.meta.dir, "../../examples/machine.py"), "utf8").replace(
    "QUERIES =",
    'COMMANDS |= {"end": lambda at, key: __import__("os")._exit(3), "hang": lambda at, key: __import__("time").sleep(3600)}\nQUERIES =',
  );

  test.each(["end", "hang"])(
    "the entry is found at which it does not go on: %s",
    async (operation) => {
      const machine = join(folder, "machine.py");
      await writeFile(machine, program);
      const programs = await TestCluster.start({ plugin: { command: ["python3", machine] } });
      try {
        const client = programs.connect();
        const ask = (name: string): Promise<unknown> =>
          client.command(encodeOperation(name, { key: "n" }), { timeoutMs: 60_000 }).catch((error: unknown) => error);
        const asked = [
          ...Array.from({ length: 20 }, () => "add"),
          operation,
          ...Array.from({ length: 20 }, () => "add"),
        ];
        const told = asked.map(ask);
        const { entry } = await stuckAt(programs);
        expect(await skip(entry, programs)).toStartWith(`skipped: entry ${entry}, the command ${operation}`);
        await Promise.all(told);
        const count = await until("a query is answered again", async () => {
          const got = await programs.graft(["execute", "query", "get", '{"key": "n"}']);
          return got.exitCode === 0 ? got.stdout.trim() : null;
        });
        expect(count).toBe("40");
      } finally {
        await programs.remove();
      }
    },
    240_000,
  );
});
