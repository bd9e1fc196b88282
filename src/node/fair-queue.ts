// Whose query comes next? The client name that has cost least so far, and among that name's connections each in turn (start-time
// fair queueing). What a query costs is known once it has been answered. Until then the last ones of its name are the estimate.
import type { Asker } from "./waiting-clients.ts";

/** The first query of a name is taken for this dear, ms. */
const firstEstimateMs = 1;
/** How much the newest cost counts in the estimate of the next. */
const newestShare = 1 / 8;
/** Names whose estimates are kept while nothing waits. */
const idleNamesMax = 1_024;

/** A query that has left the queue, and what it was charged for the time being. */
export interface Taken<Item> {
  readonly item: Item;
  readonly estimateMs: number;
}

interface Name<Item> {
  /** What its queries have cost, on the queue's own scale, ms. */
  usedMs: number;
  estimateMs: number;
  /** Those with queries, next one first. */
  readonly connections: Map<Asker, Line<Item>>;
}

export class FairQueue<Item extends { readonly from: Asker }> {
  readonly #names = new Map<string, Name<Item>>();
  readonly #wake: () => void;
  /** What the name had cost that was served last: a name that comes anew starts from there. */
  #virtualMs = 0;
  #count = 0;
  /** Taken, and neither charged nor given back. */
  #outCount = 0;

  /** `wake` is called when a connection can take answers again for which a query was passed over. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  get count(): number {
    return this.#count;
  }

  add(item: Item): void {
    this.#lineOf(item.from).push(item);
    this.#count++;
  }

  /** Null: nothing waits, or only queries of connections that have to take answers first. */
  take(): Taken<Item> | null {
    let next: { readonly name: Name<Item>; readonly from: Asker } | null = null;
    for (const name of this.#names.values()) {
      if (name.connections.size === 0 || (next !== null && next.name.usedMs <= name.usedMs)) continue;
      const from = this.#nextOf(name);
      if (from !== null) next = { name, from };
      // It does not gather a claim while it takes no answers.
      else name.usedMs = Math.max(name.usedMs, this.#virtualMs);
    }
    if (next === null) return null;
    const { name, from } = next;
    const line = name.connections.get(from)!;
    const item = line.shift();
    name.connections.delete(from);
    if (line.length > 0) name.connections.set(from, line);
    this.#virtualMs = name.usedMs;
    name.usedMs += name.estimateMs;
    this.#count--;
    this.#outCount++;
    return { item, estimateMs: name.estimateMs };
  }

  /** It has been answered, which cost so much. */
  charge({ item, estimateMs }: Taken<Item>, costMs: number): void {
    const name = this.#nameOf(item.from.name);
    name.usedMs += costMs - estimateMs;
    name.estimateMs += (costMs - name.estimateMs) * newestShare;
    this.#cameBack();
  }

  /** It has not been put to the state machine, and comes before the others of its connection. */
  giveBack(taken: Taken<Item>): void {
    this.#lineOf(taken.item.from).unshift(taken.item);
    this.#count++;
    this.drop(taken);
  }

  /** It has cost nothing. */
  drop({ item, estimateMs }: Taken<Item>): void {
    this.#nameOf(item.from.name).usedMs -= estimateMs;
    this.#cameBack();
  }

  /** Takes out all that `isGone` says. */
  remove(isGone: (item: Item) => boolean): readonly Item[] {
    const gone: Item[] = [];
    for (const { connections } of this.#names.values()) {
      for (const [from, line] of connections) {
        gone.push(...line.remove(isGone));
        if (line.length === 0) connections.delete(from);
      }
    }
    this.#count -= gone.length;
    return gone;
  }

  #nextOf({ connections }: Name<Item>): Asker | null {
    for (const from of connections.keys()) {
      // Nobody is left to take the answers of one that is closed: who asks for the next query throws those away.
      if (from.hasCredit || !from.isOpen) return from;
      from.whenCredit(this.#wake);
    }
    return null;
  }

  #lineOf(from: Asker): Line<Item> {
    const name = this.#nameOf(from.name);
    if (name.connections.size === 0) name.usedMs = Math.max(name.usedMs, this.#virtualMs);
    const line = name.connections.get(from) ?? new Line<Item>();
    name.connections.set(from, line);
    return line;
  }

  #nameOf(name: string): Name<Item> {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const fresh = { usedMs: this.#virtualMs, estimateMs: firstEstimateMs, connections: new Map<Asker, Line<Item>>() };
    this.#names.set(name, fresh);
    return fresh;
  }

  /** With nothing left to share out, nobody owes anything. */
  #cameBack(): void {
    this.#outCount--;
    if (this.#outCount > 0 || this.#count > 0) return;
    this.#virtualMs = 0;
    if (this.#names.size > idleNamesMax) this.#names.clear();
    for (const name of this.#names.values()) name.usedMs = 0;
  }
}

/** First in, first out, without moving the others at each step. */
class Line<Item> {
  /** Null: has been taken. The place stays for now, but what it held must be free to go. */
  #items: (Item | null)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** There is one. */
  shift(): Item {
    const item = this.#items[this.#first]!;
    this.#items[this.#first++] = null;
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  unshift(item: Item): void {
    if (this.#first > 0) this.#items[--this.#first] = item;
    else this.#items.unshift(item);
  }

  remove(isGone: (item: Item) => boolean): readonly Item[] {
    const waiting = this.#items.slice(this.#first) as Item[];
    const gone = waiting.filter(isGone);
    if (gone.length > 0) {
      this.#items = waiting.filter((item) => !isGone(item));
      this.#first = 0;
    }
    return gone;
  }
}
