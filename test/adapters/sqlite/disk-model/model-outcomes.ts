// What does a start make of each of the model's disks? Most of them differ in their marks alone, and many are asked about again. So
// each outcome is found once.
import type { Entry } from "../../../../src/core/entry.ts";
import { createMemoryLogStore } from "../../../../src/sim/memory/log-store.ts";
import type { MemoryDisk } from "../../../../src/sim/memory/memory-disk.ts";
import { copyOf } from "./faults.ts";
import { outcomeOf } from "./outcome.ts";

export class ModelOutcomes {
  readonly #known = new Map<string, string>();
  /** An entry is appended once. So the last one tells all that come before it. */
  readonly #numbers = new Map<Entry, number>();

  of(disk: MemoryDisk): string {
    const key = this.#keyOf(disk);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const copy = copyOf(disk);
    const found = outcomeOf(() => createMemoryLogStore({ incarnation: "", disk: copy }));
    this.#known.set(key, found);
    return found;
  }

  #keyOf(disk: MemoryDisk): string {
    const { entries, setAside, marks: _, ...rest } = disk;
    const last = entries.at(-1);
    return JSON.stringify([last === undefined ? null : this.#numberOf(last), entries.length, setAside.length, rest]);
  }

  #numberOf(entry: Entry): number {
    const number = this.#numbers.get(entry) ?? this.#numbers.size;
    this.#numbers.set(entry, number);
    return number;
  }
}
