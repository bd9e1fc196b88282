// Draws numbers, names and texts from a seed, at the edges of their ranges as often as in the middle.
import type { LogPosition } from "../../../src/core/log-position.ts";
import { termMax } from "../../../src/adapters/cbor/limits.ts";

/** A small generator of our own (mulberry32): the same numbers from the same seed, everywhere. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 up to `below`, which it never is. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  bool(): boolean {
    return this.below(2) === 1;
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  /** Every length of a CBOR head comes up, and both ends of the range. */
  uint(max: number): number {
    const edges = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, max].filter((edge) => edge <= max);
    return this.bool() ? (edges[this.below(edges.length)] ?? 0) : Math.min(max, this.below(2 ** this.below(54)));
  }

  orNull<T>(draw: () => T): T | null {
    return this.below(4) === 0 ? null : draw();
  }

  list<T>(max: number, draw: (index: number) => T): T[] {
    return Array.from({ length: this.below(max + 1) }, (_, index) => draw(index));
  }

  bytes(): Uint8Array {
    return Uint8Array.from({ length: this.pick([0, 1, 23, 24, 255, 256, 300]) }, () => this.below(256));
  }

  name(): string {
    const letters = "abzABZ019._-";
    return Array.from({ length: 1 + this.below(64) }, () => letters[this.below(letters.length)]).join("");
  }

  printable(): string {
    return this.list(80, () => this.pick(["a", "Z", " ", "~", "é", "ß", "→", "字", "🜂", "\u00a0"])).join("");
  }

  address(): string {
    return `${this.pick(["127.0.0.1", "[::1]", "node-1.example", "x"])}:${1 + this.below(65_535)}`;
  }
}

/** A number of log positions, ids and the like. */
export const index = (draw: Draw): number => draw.uint(Number.MAX_SAFE_INTEGER);

export const term = (draw: Draw): number => draw.uint(termMax);
export const termInOffice = (draw: Draw): number => Math.max(1, term(draw));

export function position(draw: Draw, termAtMost: number): LogPosition {
  if (draw.below(4) === 0) return { index: 0, term: 0 };
  return { index: Math.max(1, draw.uint(2 ** 52)), term: Math.max(1, draw.uint(termAtMost)) };
}
