// Nodes and clients that are wrong in one way each: copies of the source with one place replaced in the text. The simulation of whole
// nodes is worth what it finds in them.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as definitionCheck from "../../src/adapters/plugin/definition-check.ts";
import type { Violation } from "../../src/sim/violation.ts";
import type { Story } from "../../src/sim/story.ts";
import type { simulateWhole } from "../../src/sim/simulate.ts";
import type { WholeOptions } from "../../src/sim/whole-run.ts";

type DefinitionCheck = Pick<typeof definitionCheck, "checkDefinition">;

const root = join(import.meta.dir, "../..");
/** What a simulation is made of. */
const parts = ["src", "plugins", "package.json", "tsconfig.json"];

interface Change {
  /** Below `src/`. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly text: string;
  readonly by: string;
}

export interface WholeMutant extends Change {
  readonly name: string;
  /** Other places: those that would make good for the first. */
  readonly also?: readonly Change[];
  /** The first seed that is tried, which caught it when `bun run mutants` measured it; default 0. */
  readonly from?: number;
  /** Of faults and load; default: `eventsMax`. */
  readonly events?: number;
  /** What of each seed takes part; default: all of it. */
  readonly story?: Story;
  readonly caughtBy: RegExp;
}

export const eventsMax = 6000;

export interface LoadedMutant {
  /** Null: the seed holds. */
  readonly violationOf: (seed: number, events: number) => Violation | null;
  readonly dispose: () => void;
}

/** A copy of the source with the mistake made, in a folder of its own. `dispose` removes it. */
export function copyOfSource(mutant: Pick<WholeMutant, "file" | "text" | "by" | "also"> | null): {
  readonly folder: string;
  readonly dispose: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "graft-mutant-"));
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    // By its name it would be the plugin API of whichever tree was loaded first.
    make(
      { file: "index.ts", text: 'from "graft"', by: 'from "../../src/adapters/plugin/api.ts"' },
      join(folder, "plugins/kv"),
    );
    for (const change of mutant === null ? [] : [mutant, ...(mutant.also ?? [])]) make(change, join(folder, "src"));
    return { folder, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** @param mutant null: a copy that is not wrong */
export async function loadWholeMutant(mutant: WholeMutant | null): Promise<LoadedMutant> {
  const { folder, dispose } = copyOfSource(mutant);
  try {
    const [simulation, { checkDefinition }, { default: kv }] = await Promise.all([
      import(join(folder, "src/sim/simulate.ts")) as Promise<{ readonly simulateWhole: typeof simulateWhole }>,
      import(join(folder, "src/adapters/plugin/definition-check.ts")) as Promise<DefinitionCheck>,
      import(join(folder, "plugins/kv/index.ts")) as Promise<{ readonly default: unknown }>,
    ]);
    const plugin = checkDefinition(kv);
    return {
      violationOf: (seed, events) =>
        violationOf(simulation.simulateWhole, { seed, plugin, events, story: mutant?.story ?? {} }),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

function make(change: Change, source: string): void {
  const path = join(source, change.file);
  writeFileSync(path, replaceOnce(readFileSync(path, "utf8"), change));
}

export function replaceOnce(source: string, { file, text, by }: Change): string {
  const pieces = source.split(text);
  if (pieces.length !== 2) throw new Error(`${file} holds ${pieces.length - 1} times what is to be replaced: ${text}`);
  return pieces.join(by);
}

/** The copy has a class `Violation` of its own. */
function violationOf(simulate: typeof simulateWhole, options: WholeOptions): Violation | null {
  try {
    simulate(options);
    return null;
  } catch (error) {
    if (error instanceof Error && error.name === "Violation") return error as Violation;
    throw error;
  }
}

export const wholeMutants: readonly WholeMutant[] = [
  {
    name: "a waiter is answered when the entry before its own is applied",
    file: "node/waiting-clients.ts",
    text: "const index = first.index + at;",
    by: "const index = first.index + at - 1;",
    from: 2005,
    events: 300,
    caughtBy: /./,
  },
  {
    name: "a read is served before the state reaches as far as it must",
    file: "node/waiting-reads.ts",
    text: "this.#ready.push({ position, age: null, waiters });",
    by: "this.#ready.push({ position: { ...position, index: 0 }, age: null, waiters });",
    from: 2002,
    events: 1000,
    story: { faults: ["slowMachine", "crash", "isolate"] },
    caughtBy: /linearizable|was committed before it began/,
  },
  {
    name: "requests that are parked are lost",
    file: "node/request-desk.ts",
    text: "for (const waiter of this.#parked.release()) this.#parts.mailbox.addRequest(waiter);",
    by: "this.#parked.release();",
    from: 2010,
    events: 300,
    caughtBy: /not answered/,
  },
  {
    name: "an entry is handed over again after a restore",
    file: "node/entry-runs.ts",
    text: "    this.#handedThrough = index;\n    this.#lack",
    by: "    this.#handedThrough = index - 1;\n    this.#lack",
    from: 2085,
    events: 300,
    caughtBy: /./,
  },
  {
    name: "a run is handed over twice",
    file: "node/entry-runs.ts",
    text: "this.#handedThrough = entries.at(-1)!.index;\n      this.#hand(entries);",
    by: "this.#handedThrough = entries.at(-1)!.index;\n      this.#hand(entries);\n      if (entries.length === 3) this.#hand(entries);",
    from: 2001,
    events: 300,
    caughtBy: /applies/,
  },
  {
    name: "a number of a session is used again",
    file: "client/session.ts",
    text: "sequence: ++this.#last, answeredBelow",
    by: "sequence: ++this.#last % 7 === 3 ? this.#last - 1 : this.#last, answeredBelow",
    from: 2005,
    events: 300,
    caughtBy: /./,
  },
  {
    name: "a command in doubt is reported to have had no effect",
    file: "client/attempt.ts",
    text: "if (doubt !== null && !changesNothing(body)) return outcomeUnknown",
    by: 'if (doubt !== null && body.kind === "backup") return outcomeUnknown',
    from: 11,
    events: 1000,
    story: { faults: ["crashLeader", "isolate", "resetClients"] },
    caughtBy: /no effect/,
  },
  {
    name: "the log's tail forgets the checksum where it begins",
    file: "node/log-tail.ts",
    text: "if (index === start) return chain;",
    by: "if (index === start) return chain + 1;",
    from: 2020,
    events: 300,
    caughtBy: /failed/,
  },
  {
    name: "a snapshot claims one entry more than it holds",
    file: "node/snapshot-taker.ts",
    text: "const about = { position: { index, term }, stampMs, chain, configuration, activation };",
    by: "const about = { position: { index: index + 1, term }, stampMs, chain, configuration, activation };",
    from: 2009,
    events: 300,
    caughtBy: /./,
  },
  {
    name: "a follower's disk is not waited for",
    file: "node/turn-loop.ts",
    text: 'if (beginnings === this.#beginnings) this.arrive({ kind: "persisted", ticket });\n    };',
    by: 'if (beginnings === this.#beginnings) this.arrive({ kind: "persisted", ticket });\n    };\n    onDurable();',
    from: 2006,
    events: 300,
    caughtBy: /durable/,
  },
  {
    name: "entries are gathered and never handed over",
    file: "node/gathering.ts",
    text: "      over();\n",
    by: "",
    from: 2005,
    events: 300,
    caughtBy: /all logs equal and applied|has not applied entry/,
  },
  {
    name: "nobody looks whether the disk holds what the mark says",
    file: "sim/memory/memory-mark.ts",
    text: "mark.damage ?? whatIsMissing(disk, mark) ??",
    by: "mark.damage ??",
    from: 15,
    events: 1000,
    story: { theme: "losses", faults: ["damage", "crash", "crashLeader", "isolate"] },
    caughtBy: /./,
  },
  {
    name: "P61: a node that has lost something does not abstain",
    file: "core/restore.ts",
    text: "refill: saved.refill === null ? null : { ...saved.refill, id: drawStart(start.seed, 3), ticket: null },",
    by: "refill: null,",
    also: [{ file: "core/refill.ts", text: "confirmed > log.last.index", by: "confirmed > log.last.index + 1e9" }],
    from: 2,
    events: 1000,
    caughtBy: /./,
  },
  {
    name: "an entry that was cut off still counts as durable",
    file: "core/durability.ts",
    text: "persistedIndex: Math.min(durability.persistedIndex, through),",
    by: "persistedIndex: durability.persistedIndex,",
    from: 115,
    events: 300,
    caughtBy: /confirms|what is durable is in the log/,
  },
  {
    name: "what others told once is lost with a full disk",
    file: "node/turn-loop.ts",
    text: "    mailbox.putBack(this.#standing.latest);\n",
    by: "",
    from: 41,
    events: 300,
    caughtBy: /not within|all faults over/,
    story: { faults: ["fullDisk", "crash"] },
  },
];
