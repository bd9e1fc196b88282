// A program as the state machine of a cluster of the compiled binary: the example in Python. It is killed again and again, and the nodes start it
// again, restore what it knew and lose nothing.
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { GraftError } from "../../src/errors.ts";
import { decodeValue } from "../../src/adapters/cbor/value.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

const machine = join(import.meta.dir, "../../examples/machine.py");
const patienceMs = 240_000;
let cluster: TestCluster | null = null;

afterAll(() => cluster?.remove());

/** The programs of a node, by their process ids. */
function programsOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .trim()
    .split(" ")
    .filter((each) => each !== "")
    .map(Number);
}

describe.skipIf(Bun.which("python3") === null)("a cluster whose state machine is a program in Python", () => {
  test(
    "its operations are those of the command line, and its errors are told",
    async () => {
      cluster = await TestCluster.start({
        plugin: { command: ["python3", machine] },
        settings: { raft: { snapshot_every_entries: 100 } },
      });
      const put = await cluster.graft(["execute", "command", "put", '{"key": "a", "value": [1, "ü"]}']);
      expect(put).toMatchObject({ exitCode: 0, stderr: "" });
      const got = await cluster.graft(["execute", "query", "get", '{"key": "a"}']);
      expect(got).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('[1,"ü"]') });
      const refused = await cluster.graft(["execute", "command", "delete", '{"key": "b"}']);
      expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("there is no key b") });
    },
    patienceMs,
  );

  test(
    "programs that are killed under load lose no command and apply none twice",
    async () => {
      const { client, layout } = cluster!;
      const load = { isOver: false };
      let added = 0;
      let [inTheLog, refused] = [0, 0];
      const adding = Array.from({ length: 8 }, async () => {
        while (!load.isOver) {
          try {
            await client.command(encodeOperation("add", { key: "n", by: 1 }));
            added++;
          } catch (error) {
            // The program of the leader ended: what is in the log is applied later, and what was refused is not there.
            if (error instanceof GraftError && error.code === "apply-failed") inTheLog++;
            else if (error instanceof GraftError && error.effect === "none") refused++;
            else throw error;
          }
        }
      });
      for (let kills = 0; kills < 6; kills++) {
        const { id } = layout.nodes[kills % 3]!;
        const { pid } = cluster!.process(id);
        const [victim] = await until(`a program of ${id}`, () => {
          const programs = programsOf(pid);
          return programs.length > 0 && programs;
        });
        const before = added;
        process.kill(victim!, "SIGKILL");
        await until("another program, and commands that succeed", () => {
          const [now] = programsOf(pid);
          return now !== undefined && now !== victim && added > before + 20;
        });
      }
      load.isOver = true;
      await Promise.all(adding);
      await cluster!.caughtUp();
      for (const { address } of layout.nodes) {
        const at = cluster!.connect([address], { readFrom: "any" });
        const { payload } = await at.query(encodeOperation("get", { key: "n" }));
        expect([address, refused, decodeValue(payload)]).toEqual([address, refused, added + inTheLog]);
      }
      const { stdout } = await cluster!.graft(["cluster", "status"]);
      expect(stdout).not.toContain("state machine");
    },
    patienceMs,
  );
});

test.skipIf(Bun.which("python3") === null)(
  "another version of a program is rolled out and taken back under load, while leaders are killed",
  async () => {
    const folder = await temporaryFolder();
    const code = readFileSync(machine, "utf8");
    await writeFile(join(folder, "v1.py"), code);
    // It adds a hundred times as much.
    const changed = code.replace('"version": "1.0.0"', '"version": "2.0.0"').replace("value + by", "value + 100 * by");
    await writeFile(join(folder, "v2.py"), changed);
    const command = ["v2.py", "v1.py"].map((file) => ["python3", join(folder, file)]);
    const rolling = await TestCluster.start({
      plugin: { command },
      settings: { raft: { snapshot_every_entries: 100 } },
    });
    try {
      const values = [0];
      const load = { isOver: false };
      const adding = Promise.all(
        Array.from({ length: 8 }, async () => {
          while (!load.isOver) {
            const { payload } = await rolling.client.command(encodeOperation("add", { key: "n" }));
            values.push(decodeValue(payload) as number);
          }
        }),
      );
      const more = (count: number, from = values.length): Promise<unknown> =>
        until(`${count} commands`, () => values.length >= from + count);
      const rolledOut = (version: string): Promise<string> =>
        until(`${version} is active`, async () => {
          const { exitCode, stdout } = await rolling.graft(["plugin", "roll-out", version]);
          return exitCode === 0 ? stdout : null;
        });
      await more(150);
      for (const version of ["2.0.0", "1.0.0"]) {
        const rolled = rolledOut(version);
        const leader = await rolling.leader();
        await rolling.process(leader).kill();
        rolling.run(leader);
        expect(await rolled).toContain(`machine ${version}`);
        await more(150);
      }
      load.isOver = true;
      await adding;
      await rolling.inStep();
      // Each command has had its effect once, by one version.
      values.sort((one, other) => one - other);
      const steps = values.slice(1).map((value, nth) => value - values[nth]!);
      const runs = steps.filter((step, nth) => step !== steps[nth - 1]);
      expect(runs).toEqual([1, 100, 1]);
      for (const { address } of rolling.layout.nodes) {
        const at = rolling.connect([address], { readFrom: "any" });
        const { payload } = await at.query(encodeOperation("get", { key: "n" }));
        expect([address, decodeValue(payload)]).toEqual([address, values.at(-1)!]);
      }
    } finally {
      await rolling.remove();
      await rm(folder, { recursive: true });
    }
  },
  patienceMs,
);

/** Holds of a second. What has ended is forgotten when it is due, and nowhere else. */
const holding = `
import json, sys
holds = {}
def answer(request):
    if request["type"] == "apply":
        results = []
        for command in request["commands"]:
            holds[command["input"]] = command["timeMs"] + 1000
            results.append({"ok": None, "wakeAt": min(holds.values())})
        return {"type": "applied", "through": request["commands"][-1]["index"], "results": results}
    if request["type"] == "due":
        for name in [name for name, end in holds.items() if end <= request["timeMs"]]:
            del holds[name]
        return {"type": "done", **({"wakeAt": min(holds.values())} if holds else {})}
    return {"type": "answered", "results": [{"ok": sorted(holds)} for _ in request["queries"]]}
def send(message):
    print(json.dumps(message), flush=True)
send({"graft": 1, "type": "hello", "name": "holds", "version": "1", "wakes": True, "commands": ["hold"], "queries": ["held"]})
for line in sys.stdin:
    send(answer(json.loads(line)))
`;

test.skipIf(Bun.which("python3") === null)(
  "a program is woken on every node, though nobody sends a command",
  async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "holds.py"), holding);
    const quiet = await TestCluster.start({ plugin: { command: ["python3", join(folder, "holds.py")] } });
    try {
      for (const name of ["a", "b"]) await quiet.client.command(encodeOperation("hold", name));
      for (const { address } of quiet.layout.nodes) {
        const at = quiet.connect([address], { readFrom: "any" });
        await until(`no holds at ${address}`, async () => {
          const { payload } = await at.query(encodeOperation("held", null), { consistency: "stale" });
          return (decodeValue(payload) as readonly string[]).length === 0;
        });
      }
    } finally {
      await quiet.remove();
      await rm(folder, { recursive: true });
    }
  },
  patienceMs,
);

test(
  "a program that hangs is named with its entry, and ends with its node",
  async () => {
    const program = [process.execPath, join(import.meta.dir, "../check/bad-program.ts"), "hangs"];
    const hanging = await TestCluster.start({ nodes: 1, plugin: { command: program } });
    try {
      const [node] = hanging.layout.nodes;
      const { pid } = hanging.process(node!.id);
      const [child] = programsOf(pid);
      const added = await hanging.graft(["execute", "command", "add", '"a"', "--timeout", "8s"]);
      expect(added).toMatchObject({ exitCode: 4, stderr: expect.stringMatching(/busy with entry \d+/) });
      const { stdout } = await hanging.graft(["cluster", "status"]);
      expect(stdout).toMatch(/its state machine has been busy with entry \d+ \(term \d+\), the command add, since /);
      expect(stdout).toContain("correct its code and restart the nodes");
      expect(await hanging.process(node!.id).stop()).toBe(0);
      await until("the end of the program", () => !existsSync(`/proc/${child}`));
    } finally {
      await hanging.remove();
    }
  },
  patienceMs,
);
