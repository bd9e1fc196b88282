// The plugin of the snapshot contract, and what there is to do with it.
import type { AppliedCommand, StateMachine, StateSnapshot } from "../../src/ports/state-machine.ts";
import { answerTo } from "./outcomes-of.ts";

/** Its first line says what becomes of a snapshot; a line that is restored, what becomes of that. */
export const JOURNAL = `
import { defineRawStateMachine } from "graft";
const read = (bytes) => new TextDecoder().decode(bytes);
const write = (text) => new TextEncoder().encode(text);
export default defineRawStateMachine({
  name: "journal",
  version: "2.1.0",
  create() {
    const journal = [];
    let open = 0;
    const lines = (count) => {
      open++;
      let nth = 0;
      return {
        [Symbol.iterator]() { return this; },
        next() {
          if (journal[nth] === "fails later") throw new RangeError("no such line");
          if (journal[nth] === "draws lots") try { Math.random(); } catch {}
          if (nth < count) return { done: false, value: write(journal[nth++]) };
          return this.return();
        },
        return() {
          open--;
          if (journal[0] === "holds fast") throw new RangeError("stuck");
          return { done: true };
        },
      };
    };
    return {
      apply(command) {
        journal.push(read(command));
        return command;
      },
      query(question, ctx) {
        if (read(question) === "context") return write([ctx.index, ctx.timeMs].join());
        return write(read(question) === "open" ? String(open) : journal.join());
      },
      snapshot() {
        if (journal[0] === "fails") throw new RangeError("no snapshot");
        if (journal[0] === "reads the clock") Date.now();
        if (journal[0] === "is alive") return journal.values();
        if (journal[0] === "is late") return Promise.resolve([]);
        if (journal[0] === "is nothing") return undefined;
        if (journal[0] === "is text") return ["text"];
        if (journal[0] === "at once") return journal.map(write);
        return lines(journal.length);
      },
      restore(piece) {
        const text = read(piece);
        if (text === "unreadable") throw new RangeError("no such line");
        if (text === "late") return Promise.resolve();
        if (text === "timed") try { performance.now(); } catch {}
        journal.push(text);
      },
    };
  },
});
`;

/** Without snapshots. */
export const WITHOUT = `
import { defineRawStateMachine } from "graft";
export default defineRawStateMachine({
  name: "journal-without", version: "1", create: () => ({ apply: (bytes) => bytes, query: (bytes) => bytes }),
});
`;

export async function readAll(snapshot: StateSnapshot): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) chunks.push(chunk);
  return chunks;
}

export async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export async function ask(machine: StateMachine, question = ""): Promise<string> {
  const outcome = await answerTo(machine, Buffer.from(question));
  return outcome.kind === "ok" ? Buffer.from(outcome.payload).toString() : JSON.stringify(outcome);
}

export function run(firstIndex: number, commands: readonly string[]): readonly AppliedCommand[] {
  return commands.map((command, nth) => ({
    kind: "command" as const,
    index: firstIndex + nth,
    term: 1,
    timeMs: 1000,
    payload: Buffer.from(command),
    session: null,
    isAwaited: false,
  }));
}

export async function rejection(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => Promise.reject(new Error("the call was answered")),
    (error: unknown) => (error instanceof Error ? error : Promise.reject(new Error("not an Error"))),
  );
}
