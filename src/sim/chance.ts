// Chance with a memory: everything random in a simulation is drawn from here, so that its seed tells the whole story.
// The same generator as the core's random.ts, but mutable: a simulation draws far more often than a node.
import type { RandomState } from "../core/random.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export class Chance {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b ^= Math.floor(seed / 0x1_0000_0000);
    for (let round = 0; round < 12; round++) this.uint32();
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    const rotated = (this.#c << 21) | (this.#c >>> 11);
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (rotated + result) | 0;
    this.#counter = (this.#counter + 1) | 0;
    return result;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  from(range: Range): number {
    return this.between(range.low, range.high);
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  happens(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  /** A wait with this mean whose end cannot be foreseen. */
  wait(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    const result: T[] = [];
    while (rest.length > 0) result.push(...rest.splice(this.below(rest.length), 1));
    return result;
  }

  /** A name drawn with the weight it has. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let rest = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      rest -= weight;
      if (rest < 0) return name;
    }
    throw new Error("no weights to draw from");
  }

  /** 128 bits for a generator of the core. */
  bits(): RandomState {
    return [this.uint32(), this.uint32(), this.uint32(), this.uint32()];
  }

  hex(): string {
    return this.uint32().toString(16).padStart(8, "0");
  }
}
