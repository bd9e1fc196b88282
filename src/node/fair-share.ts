// Which commands make the next write, when not all of them fit? Each client name brings as many bytes into the log as the others
// that have commands here. Of one name the oldest come first.
import type { ProposalWaiter } from "./waiting-clients.ts";

/** What a command counts for beside its payload, bytes: an entry, a transaction's row, an answer. */
const commandBytes = 256;

interface Bounds {
  readonly count: number;
  readonly bytes: number;
}

/**
 * At least one of the commands that have arrived, in the order of their arrival.
 * @param shares what each name has had in earlier batches while commands of it waited; brought up to date here
 */
export function fairShare(
  arrived: readonly ProposalWaiter[],
  bounds: Bounds,
  shares: Map<string, number>,
): readonly ProposalWaiter[] {
  if (fitsAll(arrived, bounds)) return arrived;
  const lines = linesOf(arrived);
  // Who has had no share yet begins with the least that another one has: nobody has a claim to earlier times.
  const least = Math.min(...[...lines.keys()].map((name) => shares.get(name) ?? Infinity));
  for (const name of shares.keys()) if (!lines.has(name)) shares.delete(name);
  for (const name of lines.keys()) shares.set(name, shares.get(name) ?? (Number.isFinite(least) ? least : 0));
  const taken = new Set<ProposalWaiter>();
  let bytes = 0;
  while (taken.size < bounds.count && lines.size > 0) {
    const name = leastOf(lines.keys(), shares);
    const line = lines.get(name)!;
    const next = line.commands[line.next]!;
    bytes += next.payload.byteLength;
    if (bytes > bounds.bytes && taken.size > 0) break;
    taken.add(next);
    shares.set(name, shares.get(name)! + next.payload.byteLength + commandBytes);
    if (++line.next === line.commands.length) lines.delete(name);
  }
  return arrived.filter((waiter) => taken.has(waiter));
}

function fitsAll(arrived: readonly ProposalWaiter[], bounds: Bounds): boolean {
  if (arrived.length > bounds.count) return false;
  let bytes = 0;
  for (const { payload } of arrived) bytes += payload.byteLength;
  return bytes <= bounds.bytes || arrived.length === 1;
}

interface Line {
  readonly commands: ProposalWaiter[];
  next: number;
}

function linesOf(arrived: readonly ProposalWaiter[]): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const waiter of arrived) {
    const line = lines.get(waiter.from.name) ?? { commands: [], next: 0 };
    line.commands.push(waiter);
    lines.set(waiter.from.name, line);
  }
  return lines;
}

function leastOf(names: Iterable<string>, shares: ReadonlyMap<string, number>): string {
  let least = "";
  let leastBytes = Infinity;
  for (const name of names) {
    const bytes = shares.get(name)!;
    if (bytes < leastBytes) [least, leastBytes] = [name, bytes];
  }
  return least;
}
