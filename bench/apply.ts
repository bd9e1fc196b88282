// What does an entry cost that goes to the state machine? This source against that of another folder, in one process: rounds alternate between them, and
// only processor time counts, so that other work on the machine matters little. For each kind of command, puts to the key-value store that ships.
//
//   bun bench/apply.ts --before FOLDER [--rounds 21] [--entries 20000] [--bytes 256]
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { createExecutor } from "../src/adapters/plugin/executor.ts";
import type { encodeValue } from "../src/adapters/cbor/value.ts";
import type { checkDefinition } from "../src/adapters/plugin/definition-check.ts";
import type { AppliedEntry } from "../src/ports/state-machine.ts";
import { medianOf } from "./compare.ts";
import { printTable, type Row } from "./present.ts";

const { values } = parseArgs({
  options: {
    before: { type: "string" },
    rounds: { type: "string", default: "21" },
    entries: { type: "string", default: "20000" },
    bytes: { type: "string", default: "256" },
  },
});
if (values.before === undefined) throw new Error("--before FOLDER names the source to compare with");
const [rounds, entries, bytes] = [values.rounds, values.entries, values.bytes].map(Number) as [number, number, number];

/** How a put comes: as a follower applies it, as a leader does, or in a session. */
const kinds = ["nobody waits", "a client waits", "in a session"] as const;
type Kind = (typeof kinds)[number];

interface Source {
  readonly createExecutor: typeof createExecutor;
  readonly encodeValue: typeof encodeValue;
  readonly checkDefinition: typeof checkDefinition;
  readonly kv: unknown;
}

async function sourceIn(folder: string): Promise<Source> {
  const load = async (path: string): Promise<object> => (await import(join(folder, path))) as object;
  const { default: kv } = (await load("plugins/kv/index.ts")) as { readonly default: unknown };
  const parts = [
    "src/adapters/plugin/executor.ts",
    "src/adapters/cbor/value.ts",
    "src/adapters/plugin/definition-check.ts",
  ];
  return Object.assign({ kv }, ...(await Promise.all(parts.map(load)))) as Source;
}

/** The processor time of one put, µs. */
function measure(
  { createExecutor: create, encodeValue: encode, checkDefinition: check, kv }: Source,
  kind: Kind,
): number {
  const executor = create(check(kv));
  const watched = executor as Partial<Pick<typeof executor, "watchMilestones">>;
  watched.watchMilestones?.(1_024, () => {});
  executor.apply({ kind: "openSession", ...at(1), client: "client", isAdmin: false, timeoutMs: 60_000 });
  const value = new Uint8Array(bytes);
  const run = Array.from({ length: entries }, (_, nth): AppliedEntry => {
    const stamp = { client: "client", id: 1, sequence: nth + 1, answeredBelow: nth + 1 };
    const payload = encode(["put", { key: `key-${nth % 1_000}`, value }]);
    const session = kind === "in a session" ? stamp : null;
    return { kind: "command", ...at(nth + 2), isAwaited: kind !== "nobody waits", payload, session };
  });
  const { user, system } = process.cpuUsage();
  for (const entry of run) executor.apply(entry);
  const spent = process.cpuUsage();
  return (spent.user + spent.system - user - system) / entries;
}

const at = (index: number) => ({ index, term: 1, timeMs: 1, isAwaited: true });

const sides = [await sourceIn(resolve(values.before)), await sourceIn(join(import.meta.dir, ".."))] as const;
for (const kind of kinds) {
  const spent: readonly [number[], number[]] = [[], []];
  // The first rounds run code that is not compiled yet.
  for (let round = -3; round < rounds; round++) {
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const us = measure(sides[side], kind);
      if (round >= 0) spent[side].push(us);
    }
  }
  const more = spent[1].map((us, round) => us - spent[0][round]!);
  const rows = (["before", "now"] as const).map((label, side): Row => ({
    label,
    value: Math.round(medianOf(spent[side as 0 | 1]) * 1_000),
    more: side === 0 ? {} : { "more, of pairs": Math.round(medianOf(more) * 1_000) },
  }));
  printTable(`Processor time of a put, ${kind}: ${bytes} bytes, ${rounds} pairs of rounds of ${entries}`, rows, "ns");
}
