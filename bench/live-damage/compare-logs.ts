// Do stopped nodes agree? No two of them may hold different entries at one index and term, each acknowledged command stands where its
// client was told, no term has two leaders, and no node's data lacks anything.
import { lookAtStopped } from "../../src/adapters/sqlite/open-stopped.ts";
import { GraftError } from "../../src/errors.ts";
import { inspectLog } from "../../src/adapters/sqlite/inspect-log.ts";

export interface StoppedNode {
  readonly id: string;
  readonly dataDir: string;
}

/** In words; empty: nothing. */
export interface Comparison {
  /** What must never be. */
  readonly violations: readonly string[];
  /** What keeps a node from being in step. */
  readonly problems: readonly string[];
}

/** In which term the acknowledged command at each index stands. */
export type Acknowledged = ReadonlyMap<number, number>;

/** `areInStep`: all nodes were, after the last command; otherwise it is enough that one of them has it. */
export function compareLogs(nodes: readonly StoppedNode[], terms: Acknowledged, areInStep: boolean): Comparison {
  const logs = nodes.map(({ id, dataDir }) => ({ id, ...readLog(dataDir) }));
  const problems = logs.flatMap(({ id, problems: found }) => found.map((problem) => `${id}: ${problem}`));
  const lost = logs.map(({ base, entries }) => lostCommands(base, entries, terms));
  const violations = [
    ...(areInStep ? lost : [inAll(lost)]).flatMap((indexes, at) =>
      lostWords(areInStep ? logs[at]!.id : "every node", indexes),
    ),
    ...logs.flatMap((one, at) => logs.slice(at + 1).flatMap((other) => differences(one, other))),
  ];
  return { violations, problems };
}

/** Terms in which more than one node has said that it leads. `logs`: the text of each node's log. */
export function doubleLeaders(logs: readonly string[]): readonly string[] {
  const leaders = new Map<string, Set<string>>();
  for (const text of logs) {
    for (const [, id = "", term = ""] of text.matchAll(/\b(n\d+) leader term (\d+)/g)) {
      leaders.set(term, (leaders.get(term) ?? new Set()).add(id));
    }
  }
  const double = [...leaders].filter(([, ids]) => ids.size > 1);
  return double.map(([term, ids]) => `${[...ids].join(" and ")} both lead term ${term}`);
}

interface Held {
  readonly term: number;
  readonly chain: number;
  readonly bytes: number;
}

interface Log {
  readonly id: string;
  readonly base: number;
  readonly entries: ReadonlyMap<number, Held>;
  readonly problems: readonly string[];
}

type Row = Held & { readonly idx: number };

function readLog(dataDir: string): Omit<Log, "id"> {
  try {
    return readWhole(dataDir);
  } catch (error) {
    if (error instanceof GraftError) return { base: 0, entries: new Map(), problems: [error.message] };
    throw error;
  }
}

function readWhole(dataDir: string): Omit<Log, "id"> {
  const { damage, finding, saved } = inspectLog(dataDir, { entriesMax: 0, verify: true });
  const problems = [...damage];
  if (finding !== null) problems.push(finding.text);
  if (saved.refill !== null) problems.push(`it is still to be refilled: ${saved.refill.finding}`);
  const rows = lookAtStopped(dataDir, ({ db }) => {
    const read = db.query<Row, [number]>("SELECT idx, term, chain, length(payload) AS bytes FROM log WHERE idx > ?");
    return read.all(saved.base.index);
  });
  return { base: saved.base.index, entries: new Map(rows.map(({ idx, ...held }) => [idx, held])), problems };
}

/** What lies at or below the base is in the snapshot, whose content the readers have checked. */
const lostCommands = (base: number, entries: Log["entries"], terms: Acknowledged): readonly number[] =>
  [...terms].filter(([index, term]) => index > base && entries.get(index)?.term !== term).map(([index]) => index);

const inAll = (lists: readonly (readonly number[])[]): readonly number[] =>
  lists.reduce((some, list) => {
    const held = new Set(list);
    return some.filter((index) => held.has(index));
  });

const lostWords = (id: string, indexes: readonly number[]): readonly string[] =>
  indexes.length === 0 ? [] : [`${id} lacks ${indexes.length} acknowledged commands, the first at ${indexes[0]}`];

/** The checksum of an entry covers all entries before it too. */
function differences(one: Log, other: Log): readonly string[] {
  for (const [index, { term, chain, bytes }] of one.entries) {
    const held = other.entries.get(index);
    if (held === undefined || held.term !== term || (held.chain === chain && held.bytes === bytes)) continue;
    return [`${one.id} and ${other.id} hold different entries at index ${index}, term ${term}`];
  }
  return [];
}
