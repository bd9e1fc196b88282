// Several versions of a program: which one runs, and what becomes of the state, the sessions and a snapshot when another one takes over.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProgramLocation } from "../../../src/adapters/process/child.ts";
import { createVersionedPrograms } from "../../../src/adapters/process/versioned-programs.ts";
import { type PluginVersion, versionsMax } from "../../../src/core/activation.ts";
import { StateMachineStopped } from "../../../src/errors.ts";
import type { AppliedEntry, Outcome, StateMachine } from "../../../src/ports/state-machine.ts";
import { ask, chunksOf, readAll, rejection } from "../../contracts/journal-plugin.ts";
import { outcomesOf } from "../../contracts/outcomes-of.ts";
import { hello, says } from "./scripted.ts";

/** What it does with a step tells its version: the first adds one, the second ten. With `migrates` it also tells from where the state came. */
const source = (version: string, more = "") => `
import { defineRawStateMachine } from "graft";
export default defineRawStateMachine({
  name: "steps", version: "${version}",
  create() {
    let value = 0;
    const answer = () => new TextEncoder().encode(String(value));
    return {
      apply() { value += ${version === "1" ? 1 : 10}; return answer(); },
      query: answer,
      snapshot: () => Array.from({ length: 500 }, () => new TextEncoder().encode(String(value).padEnd(1000))),
      restore(piece) { value = Number(new TextDecoder().decode(piece)); ${more} },
      migrate(piece, from) { this.restore(piece); value += 1000 * Number(from); },
    };
  },
});`;

const opened: StateMachine[] = [];
let folder = "";
let server = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-programs-"));
  const entry = join(import.meta.dir, "serve-plugin.ts");
  server = (await Bun.build({ entrypoints: [entry], target: "bun", outdir: folder })).outputs[0]!.path;
  await Bun.write(join(folder, "v1.ts"), source("1"));
  await Bun.write(join(folder, "v2.ts"), source("2"));
  // Long enough for the end of the program before to be noticed.
  await Bun.write(join(folder, "slow.ts"), source("2", "Bun.sleepSync(1500);"));
  await Bun.write(join(folder, "fails.ts"), source("3", 'throw new Error("nothing of that is known");'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((machine) => machine.close()));
});
afterAll(() => rm(folder, { recursive: true }));

const serving = (file: string): ProgramLocation => ({
  command: [process.execPath, server, `./${file}`],
  directory: folder,
});
const shell = (script: string): ProgramLocation => ({ command: ["sh", "-c", script], directory: folder });

async function open(...locations: readonly ProgramLocation[]): Promise<StateMachine> {
  const machine = await createVersionedPrograms(locations);
  opened.push(machine);
  return machine;
}

const both = (): Promise<StateMachine> => open(serving("v1.ts"), serving("v2.ts"));

const placed = (index: number) => ({ index, term: 1, timeMs: index, isAwaited: true });
const activate = (index: number, plugin: PluginVersion | undefined): AppliedEntry => {
  const { name, version, hash } = plugin!;
  return { kind: "activate", ...placed(index), plugin: { name, version, hash } };
};
const step = (index: number, sequence?: number): AppliedEntry => {
  const session = sequence === undefined ? null : { id: 1, sequence, answeredBelow: 1, client: "c" };
  return { kind: "command", ...placed(index), payload: new Uint8Array(), session };
};

const told = (outcome: Outcome): unknown =>
  outcome.kind === "ok" ? Number(new TextDecoder().decode(outcome.payload)) : outcome.kind;

async function applied(machine: StateMachine, ...run: readonly AppliedEntry[]): Promise<readonly unknown[]> {
  const outcomes = await outcomesOf(machine, run);
  return run.flatMap(({ kind }, place) => (kind === "command" ? [told(outcomes[place]!)] : []));
}

describe("a program with two versions", () => {
  test("says both, and begins with the last one until another is activated", async () => {
    const machine = await both();
    expect(machine.versions.map(({ name, version, snapshots }) => [name, version, snapshots])).toEqual([
      ["steps", "1", true],
      ["steps", "2", true],
    ]);
    expect(machine.description.version).toBe("2");
    const [one] = machine.versions;
    expect(await applied(machine, activate(1, one), step(2))).toEqual([1]);
    expect(machine.description.version).toBe("1");
  });

  test("hands the state over within the run, with the version that it comes from", async () => {
    const machine = await both();
    const [one, two] = machine.versions;
    const run = [activate(1, one), step(2), activate(3, two), step(4), step(5), activate(6, one), step(7)];
    expect(await applied(machine, ...run)).toEqual([1, 1011, 1021, 3022]);
  });

  test("keeps its state when the active one is activated again", async () => {
    const machine = await both();
    const [one] = machine.versions;
    expect(await applied(machine, activate(1, one), step(2), activate(3, one), step(4))).toEqual([1, 2]);
  });

  test("hands over what came before anything was activated", async () => {
    const machine = await both();
    expect(await applied(machine, step(1), activate(2, machine.versions[0]), step(3))).toEqual([10, 2011]);
  });

  test("keeps the sessions: a command that had its effect has no second one under another version", async () => {
    const machine = await both();
    const [one, two] = machine.versions;
    const opening = { kind: "openSession", ...placed(1), client: "c", timeoutMs: 60_000, isAdmin: false } as const;
    expect(await applied(machine, activate(1, one), opening, step(2, 1))).toEqual([1]);
    expect(await applied(machine, activate(3, two), step(4, 1), step(5, 2))).toEqual([1, 1011]);
  });

  test("answers what is asked meanwhile in turn", async () => {
    const machine = await both();
    const [one, two] = machine.versions;
    const runs = [
      applied(machine, activate(1, one), step(2)),
      applied(machine, activate(3, two)),
      ask(machine),
      applied(machine, step(4)),
    ];
    expect(await Promise.all(runs)).toEqual([[1], [], "1001", [1011]]);
  });

  test("restores a snapshot as the version that wrote it, and as another one through its migrate", async () => {
    const writer = await both();
    await applied(writer, activate(1, writer.versions[0]), step(2));
    const chunks = await readAll(await writer.snapshot());
    const restored = async (place: number): Promise<unknown> => {
      const machine = await both();
      await machine.restore(chunksOf(chunks), machine.versions[place]!);
      expect(machine.description.version).toBe(String(place + 1));
      return applied(machine, step(3));
    };
    expect(await restored(0)).toEqual([2]);
    expect(await restored(1)).toEqual([1011]);
  });

  test("hands over a state that was restored", async () => {
    const writer = await both();
    await applied(writer, activate(1, writer.versions[0]), step(2));
    const chunks = await readAll(await writer.snapshot());
    for (const place of [0, 1]) {
      const machine = await both();
      await machine.restore(chunksOf(chunks), machine.versions[place]!);
      const other = machine.versions[1 - place];
      expect(await applied(machine, activate(3, other), step(4))).toEqual([place === 0 ? 1011 : 3002]);
    }
  });

  test("hands its state over when the snapshot that is being read is over", async () => {
    const machine = await both();
    const [one, two] = machine.versions;
    await applied(machine, activate(1, one), step(2));
    const wanted = await readAll(await machine.snapshot());
    const snapshot = await machine.snapshot();
    const first = await snapshot.read();
    const after = applied(machine, activate(3, two), step(4));
    expect([first, ...(await readAll(snapshot))]).toEqual(wanted);
    expect(await after).toEqual([1011]);
    const [asked, taken] = await Promise.all([
      machine.snapshot().then(readAll),
      applied(machine, step(5), activate(6, one), activate(7, two)),
    ]);
    expect([asked.length > 0, taken]).toEqual([true, [1021]]);
    const closed = await machine.snapshot();
    const back = applied(machine, activate(8, one));
    closed.close();
    await back;
    expect(await ask(machine)).toBe("6021");
  });

  test("has other work under way at each moment, as others see it", async () => {
    const machine = await both();
    const seen = new Set<number>();
    const [one, two] = machine.versions;
    const work = { isOver: false };
    const looking = (async () => {
      while (!work.isOver) {
        const { busyWith } = machine;
        if (busyWith !== null) seen.add(busyWith.count);
        await Bun.sleep(0);
      }
    })();
    await applied(machine, activate(1, one), step(2), activate(3, two), step(4));
    work.isOver = true;
    await looking;
    expect(seen.size).toBeGreaterThan(1);
    expect(machine.busyWith).toBeNull();
  });
});

describe("the state machine stops, and names the entry, when the next version", () => {
  test("cannot take the state", async () => {
    const machine = await open(serving("fails.ts"), serving("v1.ts"));
    const run = [step(1), activate(2, machine.versions[0])];
    const error = await rejection(outcomesOf(machine, run));
    expect(error).toBeInstanceOf(StateMachineStopped);
    expect((error as StateMachineStopped).entry).toBe(2);
    expect(error.message).toContain("entry 2 (term 1), which activates 3: ");
    expect(error.message).toContain("nothing of that is known");
    expect(machine.failure).toBe(error);
    expect(await rejection(ask(machine))).toBe(error);
  });

  test("is another program by then", async () => {
    const file = join(folder, "changing.ts");
    await Bun.write(file, source("1"));
    const machine = await open(serving("changing.ts"), serving("v2.ts"));
    await Bun.write(file, source("1", "/* corrected */"));
    const error = await rejection(outcomesOf(machine, [step(1), activate(2, machine.versions[0])]));
    expect(error.message).toMatch(
      /cannot be used: it was steps 1 \(\w+\) when the node started, and is steps 1 \(\w+\) now: put it back/,
    );
  });

  test("is not there", async () => {
    const machine = await open(serving("v1.ts"));
    const other = { name: "steps", version: "2", hash: "2".repeat(64) };
    const error = await rejection(outcomesOf(machine, [activate(1, other)]));
    expect(error.message).toContain("steps 2 is not at hand");
  });

  test("takes the state over, and is closed meanwhile", async () => {
    const restoring = `read -r line; touch "${folder}/restores"; cat > /dev/null`;
    const hanging = shell(`${says({ ...hello, name: "steps", version: "5" })}; ${restoring}`);
    const machine = await open(hanging, serving("v1.ts"));
    const running = rejection(outcomesOf(machine, [step(1), activate(2, machine.versions[0])]));
    while (!existsSync(join(folder, "restores"))) await Bun.sleep(1);
    await machine.close();
    expect((await running).message).toContain("is closed");
  });

  test("does not say what it is, and is closed meanwhile", async () => {
    const script = `if [ -e "${folder}/was-asked" ]; then touch "${folder}/hangs"; cat > /dev/null; else touch "${folder}/was-asked"; ${says({ ...hello, name: "steps", version: "4" })}; cat > /dev/null; fi`;
    const machine = await open(shell(script), serving("v1.ts"));
    const running = rejection(outcomesOf(machine, [step(1), activate(2, machine.versions[0])]));
    while (!existsSync(join(folder, "hangs"))) await Bun.sleep(1);
    await machine.close();
    expect((await running).message).toContain("is closed");
    expect((await rejection(ask(machine))).message).toContain("is closed");
  });

  test("waits for a snapshot, and is closed meanwhile", async () => {
    const machine = await both();
    await applied(machine, activate(1, machine.versions[0]), step(2));
    await machine.snapshot();
    const stepped = Promise.withResolvers<void>();
    const running = rejection(machine.apply([step(3), activate(4, machine.versions[1])], () => stepped.resolve()));
    await stepped.promise;
    // What follows in the same turn of the loop has been done then.
    await new Promise(setImmediate);
    await machine.close();
    expect((await running).message).toContain("is closed");
  });
});

test("a program that ends once its state was handed over is missed by nobody", async () => {
  const items = { type: "items", items: [{ $bytes: btoa("7".padEnd(1000)) }], last: true };
  const applied1 = { type: "applied", through: 1, results: [{ ok: { $bytes: "" } }] };
  const answers = [applied1, { type: "done" }, items].map((each) => `read -r line; ${says(each)}`).join("; ");
  const ending = shell(`${says({ ...hello, name: "steps", version: "5" })}; ${answers}`);
  const machine = await open(serving("slow.ts"), ending);
  const failures = new Set<Error | null>();
  const work = { isOver: false };
  const looking = (async () => {
    while (!work.isOver) {
      failures.add(machine.failure);
      await Bun.sleep(1);
    }
  })();
  expect(await applied(machine, step(1), activate(2, machine.versions[0]), step(3))).toEqual([0, 5017]);
  work.isOver = true;
  await looking;
  expect([...failures]).toEqual([null]);
});

describe("the versions of a program", () => {
  const named = (name: string, version: string): ProgramLocation =>
    shell(`${says({ ...hello, name, version })}; cat > /dev/null`);

  test.each([
    [
      "of the same number twice",
      [named("a", "1"), named("a", "1")],
      "another one of the versions is 1 as well: give each its own version",
    ],
    ["of two programs", [named("a", "1"), named("b", "2")], 'it is "b", and the version before it "a"'],
    [
      "of which one does not start",
      [shell("exit 3"), named("a", "1")],
      "it ended before it said what it is (exit code 3)",
    ],
  ])("are refused, %s", async (_, locations, message) => {
    expect((await rejection(open(...locations))).message).toContain(message);
  });

  test("are as many as a node can tell its peers of", async () => {
    const many = Array.from({ length: versionsMax + 1 }, () => serving("v1.ts"));
    expect((await rejection(open(...many))).message).toContain("it is one of 65 versions, and a node takes at most 64");
  });
});
