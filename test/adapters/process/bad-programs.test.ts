// A program is a stranger: whatever it does that it may not ends with a sentence that names it and what was wrong. Nothing of what it says is
// taken on trust.
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeValue } from "../../../src/adapters/cbor/value.ts";
import { renewable } from "../../../src/adapters/plugin/renewable.ts";
import { createProcessStateMachine } from "../../../src/adapters/process/process-host.ts";
import type { StateMachine } from "../../../src/ports/state-machine.ts";
import { rejection, run } from "../../contracts/journal-plugin.ts";
import { answerTo, outcomesOf } from "../../contracts/outcomes-of.ts";
import { answering, hello, says } from "./scripted.ts";

const opened: StateMachine[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((machine) => machine.close()));
});

/** Says this first, and each answer to the next request. Then it reads on. */
async function open(first: unknown, ...answers: readonly unknown[]): Promise<StateMachine> {
  const script = `${says(first)}; ${answering(...answers)}`;
  const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" });
  opened.push(machine);
  return machine;
}

describe("a program that does not begin as it should cannot be used", () => {
  test.each([
    [
      "hello world",
      'it wrote "hello world" to its standard output, which is no message: write such text to standard error',
    ],
    ["{ graft", 'it wrote "{ graft" to its standard output, which is no message: write such text to standard error'],
    [{ ...hello, graft: 2 }, 'its first message says "graft": 2, and this node speaks 1'],
    [{ ...hello, type: "done" }, 'it sent a message of type "done", and "hello" was due'],
    [{ ...hello, name: "" }, 'the name in its first message is not a text of 1 to 128 printable characters: ""'],
    [{ ...hello, version: 7 }, "the version in its first message is not a text of 1 to 128 printable characters: 7"],
    [{ ...hello, snapshots: "yes" }, '"snapshots" in its first message is not true or false'],
    [
      { ...hello, commands: ["a", "a"] },
      '"commands" in its first message is not a list of at most 256 different names',
    ],
  ])("%j", async (first, reason) => {
    const error = await rejection(open(first));
    expect(error).toMatchObject({ name: "GraftError", code: "plugin" });
    expect(error.message).toEndWith(` cannot be used: ${reason}`);
    expect(error.message).toStartWith("The program sh -c printf");
  });

  test("one that ends says how, and with which last words", async () => {
    const command = ["sh", "-c", "echo first >&2; echo 'no such module' >&2; exit 3"];
    const error = await rejection(createProcessStateMachine({ command, directory: "/" }));
    expect(error.message).toEndWith("it ended before it said what it is (exit code 3); its last words: no such module");
  });

  test.each([
    [["./none", "x"], "The program ./none x cannot be used: /none does not exist"],
    [["graft-has-no-such-program"], "cannot be used: graft-has-no-such-program cannot be started:"],
  ])("%j is not there", async (command, reason) => {
    expect((await rejection(createProcessStateMachine({ command, directory: "/" }))).message).toContain(reason);
  });
});

describe("an answer that is none stops the state machine", () => {
  const applied = (fields: object): object => ({ type: "applied", ...fields });
  test.each([
    ["it works", 'it wrote "it works" to its standard output, which is no message'],
    [{ type: "done" }, 'it sent a message of type "done", and "applied" was due'],
    [[1], 'it sent [1], and "applied" was due'],
    [applied({ through: 2 }), 'its "results" are no list: nothing'],
    [applied({ through: 2, results: [] }), "it sent 0 results, and 1 to 2 were due"],
    [applied({ through: 3, results: [{ ok: 1 }, { ok: 1 }, { ok: 1 }] }), "it sent 3 results, and 1 to 2 were due"],
    [
      applied({ through: 1, results: [{ ok: 1 }, { ok: 1 }] }),
      "it answered 2 commands through entry 1, and the last of these is entry 2",
    ],
    [
      applied({ through: 2, results: [{ ok: 1, rejected: "" }, { ok: 1 }] }),
      'one of its results has not exactly one of "ok", "rejected" and "failed": {"ok":1,"rejected":""}',
    ],
    [applied({ through: 2, results: [{ rejected: 1 }, { ok: 1 }] }), 'its message for "rejected" is no text: 1'],
    [applied({ through: 2, results: [{ ok: { $bytes: "***" } }, { ok: 1 }] }), "its $bytes are not base64"],
  ])("%j", async (answer, reason) => {
    const machine = await open(hello, answer);
    const error = await rejection(outcomesOf(machine, run(1, ["a", "b"])));
    expect(error).toMatchObject({ name: "GraftError", code: "state-machine" });
    expect(error.message).toStartWith(`The program of the state machine bad 1: ${reason}`);
    expect([machine.failure, machine.busyWith]).toEqual([error, null]);
    expect(await rejection(answerTo(machine, new Uint8Array()))).toBe(error);
  });

  test("a word that nobody asked for", async () => {
    const script = `${says(hello)}; read -r line; ${says({ type: "done" })}; ${says({ type: "done" })}; cat > /dev/null`;
    const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" });
    opened.push(machine);
    await machine.snapshot();
    while (machine.failure === null) await Bun.sleep(1);
    expect(machine.failure.message).toEndWith("it sent a message that nobody had asked for");
  });

  test("its end, while it is asked and while it is not", async () => {
    const asked = await open(hello);
    const command = ["sh", "-c", `${says(hello)}; read -r line; kill -9 $$`];
    const dying = await createProcessStateMachine({ command, directory: "/" });
    const ended = await createProcessStateMachine({ command: ["sh", "-c", `${says(hello)}; exit 4`], directory: "/" });
    opened.push(dying, ended, asked);
    const error = await rejection(outcomesOf(dying, run(1, ["a"])));
    expect(error.message).toBe(
      "The program of the state machine bad 1: it ended before it answered (signal SIGKILL), at entry 1 (term 1)",
    );
    while (ended.failure === null) await Bun.sleep(1);
    expect(ended.failure.message).toEndWith("it ended while nothing was asked of it (exit code 4)");
    expect(asked.failure).toBeNull();
  });

  test("a line without an end", async () => {
    const script = `${says(hello)}; read -r line; printf '{'; head -c 17000000 /dev/zero; cat > /dev/null`;
    const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" });
    opened.push(machine);
    const error = await rejection(outcomesOf(machine, run(1, ["a"])));
    expect(error.message).toMatch(
      /it sent a message of \d+ bytes or more, and 16777216 are allowed, at entry 1 \(term 1\)$/,
    );
  });

  test("a frame that is too long, and one that is not CBOR", async () => {
    const greeting = Buffer.from(encodeValue(hello));
    const frame = `printf '\\000\\000\\000\\${greeting.length.toString(8)}'; echo ${greeting.toString("base64")} | base64 -d`;
    const tooLong = `printf '\\377\\000\\000\\000'`;
    const noCbor = `printf '\\000\\000\\000\\001\\377'`;
    for (const [answer, reason] of [
      [tooLong, "it sent a message of 4278190080 bytes or more, and 16777216 are allowed"],
      [noCbor, "it sent a message that is not CBOR: "],
    ] as const) {
      const script = `${frame}; head -c 4 > /dev/null; ${answer}; cat > /dev/null`;
      const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" });
      opened.push(machine);
      expect((await rejection(outcomesOf(machine, run(1, ["a"])))).message).toContain(reason);
    }
  });

  test("results that go on beyond the budget", async () => {
    const script = `${says(hello)}; read -r line; printf '{"type":"applied","through":3,"results":['; for i in 1 2 3; do [ $i = 1 ] || printf ,; printf '{"ok":{"$bytes":"'; head -c 1600000 /dev/zero | base64 -w 0; printf '"}}'; done; printf ']}\\n'; cat > /dev/null`;
    const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" });
    opened.push(machine);
    const error = await rejection(outcomesOf(machine, run(1, ["a", "b", "c"])));
    expect(error.message).toContain("it went on with a batch after 3200000 bytes of results");
  });
});

test("what it writes to its standard error comes to the log, in bounds", async () => {
  const lines: string[] = [];
  const script = `echo ready >&2; ${says(hello)}; head -c 5000 /dev/zero | tr '\\0' x >&2; echo >&2; cat > /dev/null`;
  const machine = await createProcessStateMachine({ command: ["sh", "-c", script], directory: "/" }, (level, text) =>
    lines.push(`${level} ${text}`),
  );
  opened.push(machine);
  while (lines.length < 2) await Bun.sleep(1);
  expect(lines).toEqual(["info ready", `info ${"x".repeat(1_000)}`]);
});

test("one that was killed begins anew, and one whose code has changed does not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "graft-program-"));
  const path = join(folder, "machine.sh");
  const answer = { type: "applied", through: 1, results: [{ rejected: "no" }] };
  const script = `${says(hello)}\necho $$ >&2\nread -r line\n${says(answer)}\ncat > /dev/null\n`;
  await Bun.write(path, script);
  const pids: number[] = [];
  const location = { command: ["sh", "machine.sh"], directory: folder };
  const machine = await renewable(() => createProcessStateMachine(location, (_, text) => pids.push(Number(text))));
  opened.push(machine);
  while (pids.length === 0) await Bun.sleep(1);
  process.kill(pids[0]!, "SIGKILL");
  while (machine.failure === null) await Bun.sleep(1);
  const words = `it ended while nothing was asked of it (signal SIGKILL); its last words: ${pids[0]}`;
  expect(machine.failure.message).toEndWith(words);
  await machine.renew();
  expect(await outcomesOf(machine, run(1, ["a"]))).toEqual([{ kind: "rejected", message: "" }]);
  await Bun.write(path, `${script}# corrected\n`);
  const refused = await rejection(machine.renew());
  expect(refused.message).toStartWith("the code of bad 1 (");
  expect(refused.message).toContain(") changed since this node started, and is now bad 1 (");
  await rm(folder, { recursive: true });
});

test("a query that it fails is answered so, and it goes on", async () => {
  const machine = await open(hello, { type: "answered", results: [{ failed: "no such row" }] }, { type: "done" });
  expect(await rejection(answerTo(machine, new Uint8Array()))).toMatchObject({
    code: "query-failed",
    message: "The state machine bad 1 failed at a query: no such row",
  });
  expect(machine.failure).toBeNull();
});

test("a result without bytes, of a program without operations, is not sent, and the command stands", async () => {
  const machine = await open(hello, { type: "applied", through: 1, results: [{ ok: 7 }] });
  const [outcome] = await outcomesOf(
    machine,
    run(1, ["a"]).map((command) => ({ ...command, isAwaited: true })),
  );
  expect(outcome).toEqual({
    kind: "unsendable",
    message:
      "the result cannot be sent: the result of a program without operations is a string of bytes, and this one is not",
  });
});
