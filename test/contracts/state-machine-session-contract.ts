// What every host of a state machine must do about the clients' sessions (§6.3). The plugin under test keeps a journal: what is
// in it twice was applied twice.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { type AppliedEntry, skippedMessage, type StateMachine } from "../../src/ports/state-machine.ts";
import { outcomesOf } from "./outcomes-of.ts";
import { ask, chunksOf, readAll } from "./journal-plugin.ts";

const JOURNAL = `
import { defineRawStateMachine, Rejected } from "graft";
const read = (bytes) => new TextDecoder().decode(bytes);
const write = (text) => new TextEncoder().encode(text);
export default defineRawStateMachine({
  name: "journal",
  version: "1",
  create() {
    const journal = [];
    return {
      apply(command) {
        journal.push(read(command));
        if (read(command).startsWith("refuse")) throw new Rejected("refused as number " + journal.length);
        return write(read(command) + " is number " + journal.length);
      },
      query: () => write(journal.join()),
      snapshot: () => journal.map(write),
      restore: (piece) => void journal.push(read(piece)),
    };
  },
});
`;

const placed = (index: number, isAwaited = true) => ({ index, term: 1, timeMs: index * 10, isAwaited });
const open = (index: number, timeoutMs = 1000, client = "app"): AppliedEntry => ({
  kind: "openSession",
  ...placed(index),
  client,
  isAdmin: false,
  timeoutMs,
});
const close = (index: number, session: number, client = "app"): AppliedEntry => ({
  kind: "closeSession",
  ...placed(index),
  client,
  session,
});
const said = (index: number, text: string, [id, sequence, answeredBelow = 1]: readonly [number, number, number?]) =>
  ({
    kind: "command",
    ...placed(index),
    payload: Buffer.from(text),
    session: { id, sequence, answeredBelow, client: "app" },
  }) satisfies AppliedEntry;
const unheard = (entry: AppliedEntry): AppliedEntry => ({ ...entry, isAwaited: false });

export function describeSessionContract(
  host: string,
  create: (location: PluginLocation) => Promise<StateMachine>,
): void {
  describe(`state machine sessions: ${host}`, () => {
    let folder = "";
    let machine: StateMachine;
    const opened: StateMachine[] = [];
    const start = async (): Promise<StateMachine> => {
      const started = await create(locatePlugin("journal.js", folder));
      opened.push(started);
      return started;
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-sessions-"));
      await Bun.write(join(folder, "journal.js"), JOURNAL);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    /** The outcomes in words. */
    const apply = async (...run: readonly AppliedEntry[]): Promise<readonly string[]> => {
      const outcomes = await outcomesOf(machine, run);
      return outcomes.map((outcome) => {
        if (outcome.kind === "ok") return Buffer.from(outcome.payload).toString();
        if (outcome.kind === "full") return `full until ${outcome.untilMs}`;
        return outcome.kind === "rejected" ? `rejected: ${outcome.message}` : outcome.kind;
      });
    };

    test("P25: another copy of a command is answered with the outcome of the first, and the plugin never sees it", async () => {
      machine = await start();
      const outcomes = await apply(open(1), said(2, "a", [1, 1]), said(3, "a", [1, 1]), said(4, "b", [1, 2]));
      expect(outcomes).toEqual(["", "a is number 1", "a is number 1", "b is number 2"]);
      expect(await apply(said(5, "a", [1, 1]))).toEqual(["a is number 1"]);
      expect(await ask(machine)).toBe("a,b");
    });

    test("P25: what the plugin refused stays refused", async () => {
      machine = await start();
      const outcomes = await apply(open(1), said(2, "refuse", [1, 1]), said(3, "refuse", [1, 1]));
      expect(outcomes).toEqual(["", "rejected: refused as number 1", "rejected: refused as number 1"]);
      expect(await ask(machine)).toBe("refuse");
    });

    test("a command that is skipped is refused without the plugin, and so is each other copy of it", async () => {
      machine = await start();
      const skipped: AppliedEntry = { ...said(2, "a", [1, 1]), isSkipped: true };
      const copy = said(3, "a", [1, 1]);
      const bare: AppliedEntry = { ...said(4, "b", [1, 2]), session: null, isSkipped: true };
      const refused = `rejected: ${skippedMessage}`;
      expect(await apply(open(1), skipped, copy, bare, said(5, "c", [1, 2]))).toEqual([
        "",
        refused,
        refused,
        refused,
        "c is number 1",
      ]);
      expect(await ask(machine)).toBe("c");
    });

    test("a session is opened and closed at an entry that is skipped: that is no work of the plugin", async () => {
      machine = await start();
      const run: AppliedEntry[] = [{ ...open(1), isSkipped: true }, open(2), { ...close(3, 2), isSkipped: true }];
      expect(await apply(...run, said(4, "a", [1, 1]), said(5, "b", [2, 1]))).toEqual([
        "",
        "",
        "",
        "a is number 1",
        "expired",
      ]);
    });

    test("an outcome that nobody awaited is there for who asks again, and did not cross over before", async () => {
      machine = await start();
      const run = [
        open(1),
        said(2, "a", [1, 1]),
        said(3, "refuse", [1, 2]),
        said(4, "a", [1, 1]),
        said(5, "x", [9, 1]),
      ];
      expect(await apply(...run.map(unheard))).toEqual(["", "", "rejected: ", "", "expired"]);
      const asked = await apply(said(6, "a", [1, 1]), said(7, "refuse", [1, 2]));
      expect(asked).toEqual(["a is number 1", "rejected: refused as number 2"]);
    });

    test("a command without a session is applied as often as it comes", async () => {
      machine = await start();
      await apply({ ...said(1, "a", [1, 1]), session: null }, { ...said(2, "a", [1, 1]), session: null });
      expect(await ask(machine)).toBe("a,a");
    });

    test("commands of a session that expired, was closed or never was have no effect", async () => {
      machine = await start();
      const run = [open(1, 1000), open(2), close(3, 2), close(4, 2), said(5, "a", [2, 1]), said(6, "b", [7, 1])];
      expect(await apply(...run)).toEqual(["", "", "", "expired", "expired", "expired"]);
      expect(await apply(said(101, "c", [1, 1]), said(202, "d", [1, 2]))).toEqual(["c is number 1", "expired"]);
      expect(await ask(machine)).toBe("c");
    });

    test("a client with as many sessions as it may have is told until when none of them expires", async () => {
      machine = await start();
      const openings = Array.from({ length: sessionLimits.clientSessionsMax + 1 }, (_, at) => open(at + 1, 100_000));
      expect((await apply(...openings)).slice(-2)).toEqual(["", "full until 100010"]);
    });

    test("a command that its client waits for no longer has no effect", async () => {
      machine = await start();
      const run = [open(1), said(2, "b", [1, 2, 2]), said(3, "a", [1, 1])];
      expect(await apply(...run)).toEqual(["", "b is number 1", "forgotten"]);
      expect(await ask(machine)).toBe("b");
    });

    test("P63: a session is the client's that opened it, also in a state that was restored", async () => {
      const foreign = "rejected: session 1 belongs to another client";
      const stolen = (index: number, sequence: number): AppliedEntry => {
        const entry = said(index, "stolen", [1, sequence]);
        return { ...entry, session: { ...entry.session, client: "thief" } };
      };
      const tries = [stolen(3, 1), stolen(4, 2), close(5, 1, "thief")];
      machine = await start();
      expect(await apply(open(1), said(2, "a", [1, 1]), ...tries)).toEqual([
        "",
        "a is number 1",
        ...Array(3).fill(foreign),
      ]);
      const chunks = await readAll(await machine.snapshot());
      machine = await start();
      await machine.restore(chunksOf(chunks), null);
      expect(await apply(...tries, said(6, "b", [1, 2]))).toEqual([...Array(3).fill(foreign), "b is number 2"]);
      expect(await ask(machine)).toBe("a,b");
    });

    test("P63: a copy with another payload is rejected, also in a state that was restored", async () => {
      const refusal = "rejected: command 1 of session 1 was sent before with another payload";
      machine = await start();
      expect(await apply(open(1), said(2, "a", [1, 1]), said(3, "b", [1, 1]))).toEqual(["", "a is number 1", refusal]);
      const chunks = await readAll(await machine.snapshot());
      machine = await start();
      await machine.restore(chunksOf(chunks), null);
      expect(await apply(said(4, "b", [1, 1]), said(5, "a", [1, 1]))).toEqual([refusal, "a is number 1"]);
      expect(await ask(machine)).toBe("a");
    });

    test("P27: a snapshot holds the sessions of its very index, and gives them back", async () => {
      machine = await start();
      await apply(open(1), open(2), said(3, "a", [1, 1]), said(4, "refuse ü", [2, 3]), said(5, "b", [1, 2]));
      const taken = machine.snapshot();
      await apply(said(6, "c", [1, 3]), close(7, 2));
      const chunks = await readAll(await taken);
      const restored = await start();
      await restored.restore(chunksOf(chunks), null);
      const again = Buffer.concat(await readAll(await restored.snapshot()));
      expect(Buffer.compare(again, Buffer.concat(chunks))).toBe(0);
      machine = restored;
      const asked = await apply(said(6, "c", [1, 3]), said(7, "a", [1, 1]), said(8, "refuse ü", [2, 3]));
      expect(asked).toEqual(["c is number 4", "a is number 1", "rejected: refused as number 2"]);
      expect(await ask(machine)).toBe("a,refuse ü,b,c");
    });

    test("P33: a restored table takes the place of the one that was there", async () => {
      machine = await start();
      const chunks = await readAll(await machine.snapshot());
      await apply(open(1), said(2, "a", [1, 1]));
      await machine.restore(chunksOf(chunks), null);
      expect(await apply(said(3, "a", [1, 1]))).toEqual(["expired"]);
      expect(await ask(machine)).toBe("");
    });
  });
}
