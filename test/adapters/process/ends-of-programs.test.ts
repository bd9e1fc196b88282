// Programs end, hang and leave others behind. What of that does a node notice, and what is left when it ends one?
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessStateMachine } from "../../../src/adapters/process/process-host.ts";
import { StateMachineStopped } from "../../../src/errors.ts";
import { rejection, run } from "../../contracts/journal-plugin.ts";
import { outcomesOf } from "../../contracts/outcomes-of.ts";
import { answering, hello, says, ScriptedMachines } from "./scripted.ts";

const programs = new ScriptedMachines();

afterEach(() => programs.closeAll());

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function untilEnded(pid: number): Promise<void> {
  while (runs(pid)) await Bun.sleep(1);
}

async function pidOf(lines: readonly string[]): Promise<number> {
  while (lines.length === 0) await Bun.sleep(1);
  return Number(lines[0]);
}

describe("what a program has started ends with it", () => {
  test("when the state machine is closed", async () => {
    const lines: string[] = [];
    const machine = await programs.run(`sleep 1000 & echo $! >&2; ${says(hello)}; cat > /dev/null; wait`, lines);
    const pid = await pidOf(lines);
    expect(runs(pid)).toBe(true);
    await machine.close();
    await untilEnded(pid);
  });

  test("when the program ends, though the other one holds its outputs", async () => {
    const lines: string[] = [];
    const machine = await programs.run(`sleep 1000 & echo $! >&2; ${says(hello)}; read -r line; exit 3`, lines);
    const pid = await pidOf(lines);
    const error = await rejection(outcomesOf(machine, run(1, ["a"])));
    expect(error.message).toContain("it ended before it answered (exit code 3)");
    await untilEnded(pid);
  });

  test("when the program ends before it has said what it is", async () => {
    const error = await rejection(programs.run("sleep 1000 & exit 4"));
    expect(error.message).toEndWith("it ended before it said what it is (exit code 4)");
  });
});

test("a program that ends at a batch of one entry names it, and at a batch of several names none", async () => {
  const endings = await Promise.all(
    [["a"], ["a", "b"]].map(async (commands) => {
      const machine = await programs.run(`${says(hello)}; read -r line; exit 3`);
      return rejection(outcomesOf(machine, run(7, commands)));
    }),
  );
  expect(endings.map((error) => (error instanceof StateMachineStopped ? error.entry : null))).toEqual([7, null]);
  expect(endings[0]!.message).toEndWith("it ended before it answered (exit code 3), at entry 7 (term 1)");
});

test("the end of a program is noticed though a process that has left its group holds the outputs", async () => {
  const lines: string[] = [];
  const script = `setsid sh -c 'echo $$ >&2; exec sleep 1000' & ${says(hello)}; read -r line; exit 3`;
  const machine = await programs.run(script, lines);
  const pid = await pidOf(lines);
  const error = await rejection(outcomesOf(machine, run(1, ["a"])));
  process.kill(pid, "SIGKILL");
  expect(error.message).toContain("it ended before it answered (exit code 3)");
});

test("a program that ignores signals and closes its standard input is ended", async () => {
  const lines: string[] = [];
  const script = `trap '' TERM HUP INT PIPE; echo $$ >&2; exec < /dev/null; ${says(hello)}; while :; do sleep 1; done`;
  const machine = await programs.run(script, lines);
  const pid = await pidOf(lines);
  const applying = rejection(outcomesOf(machine, run(1, ["a"])));
  await machine.close();
  await applying;
  await untilEnded(pid);
});

test("a program that hangs at a batch is busy with one of its entries, and with one of several queries", async () => {
  const machine = await programs.run(`${says(hello)}; cat > /dev/null`);
  const applying = rejection(outcomesOf(machine, run(5, ["a", "b", "c"])));
  while (machine.busyWith === null) await Bun.sleep(1);
  expect(machine.busyWith).toMatchObject({ kind: "entry", index: 5, through: 7 });
  await machine.close();
  expect((await applying).message).toBe("The state machine is closed");
});

test.each(["not executable", "a folder"])("a program that is %s is refused with the remedy", async (what) => {
  const folder = await mkdtemp(join(tmpdir(), "graft-program-"));
  await Bun.write(join(folder, "machine.py"), "print(1)\n");
  const word = what === "a folder" ? "./" : "./machine.py";
  const error = await rejection(createProcessStateMachine({ command: [word], directory: folder }));
  const path = join(folder, "machine.py");
  if (what === "a folder") expect(error.message).toEndWith(`cannot be used: ${folder} is not a file`);
  else expect(error.message).toEndWith(`${path} is not executable: chmod +x ${path}, or name its interpreter first`);
  await rm(folder, { recursive: true });
});

describe("a snapshot whose items cannot stand in one fails, and the state machine goes on", () => {
  const done = { type: "done" };
  test("and the program hears that the rest is not needed", async () => {
    const applied = { type: "applied", through: 1, results: [{ rejected: "no" }] };
    const items = { type: "items", items: [{ $bytes: "AA==" }, 7], last: false };
    const machine = await programs.run(`${says(hello)}; ${answering(done, items, done, applied)}`);
    const snapshot = await machine.snapshot();
    const error = await rejection(snapshot.read());
    expect(error).toMatchObject({ name: "GraftError", code: "state-machine" });
    expect(error.message).toBe(
      "The state machine bad 1 failed at a snapshot: an item of a program without operations is a string of bytes, and this one is not",
    );
    expect(await outcomesOf(machine, run(1, ["a"]))).toEqual([{ kind: "rejected", message: "" }]);
    expect(machine.failure).toBeNull();
  });

  test("when it is taken while the program hangs, it is busy with it", async () => {
    const machine = await programs.run(`${says(hello)}; cat > /dev/null`);
    const taking = rejection(machine.snapshot());
    while (machine.busyWith === null) await Bun.sleep(1);
    expect(machine.busyWith).toMatchObject({ kind: "snapshot" });
    await machine.close();
    expect((await taking).message).toBe("The state machine is closed");
  });
});

test("a program that answers the first ones of some queries is asked the others later", async () => {
  const answer = { type: "answered", results: [{ ok: { $bytes: "AA==" } }] };
  const machine = await programs.run(`${says(hello)}; ${answering(answer, answer, answer)}`);
  const asked = [new Uint8Array(), new Uint8Array(), new Uint8Array()];
  for (let answered = 0; answered < 3;) answered += (await machine.query(asked.slice(answered))).length;
  expect(machine.failure).toBeNull();
});
