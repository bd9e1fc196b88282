// The snapshot files of a story's nodes. The content of one is the entries that it covers.
import type { Entry } from "../../src/core/entry.ts";
import { activationAt, configurationAt } from "../../src/core/log-terms.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { State } from "../../src/core/state.ts";
import { chainAt } from "../core/chain.ts";

export class SnapshotFiles {
  readonly #contents = new Map<string, readonly Entry[]>();

  /** Of everything that the node has applied. */
  take(id: string, state: State, entries: readonly Entry[]): SnapshotRecord {
    const last = entries[state.appliedIndex - 1]!;
    const file = `${id}-${last.index}`;
    this.#contents.set(file, entries.slice(0, last.index));
    return {
      position: { index: last.index, term: last.term },
      stampMs: last.stampMs,
      chain: chainAt(entries, last.index),
      configuration: configurationAt(state.log, last.index),
      activation: activationAt(state.log, last.index),
      origin: state.self.slice(id.length + 1),
      file,
      bytes: last.index,
      checksum: last.index,
    };
  }

  contentsOf({ file }: SnapshotRecord): readonly Entry[] {
    const contents = this.#contents.get(file);
    if (contents === undefined) throw new Error(`there is no snapshot ${file}`);
    return contents;
  }

  /** A log whose beginning is gone, completed by the snapshot that covers it. */
  complete(snapshot: SnapshotRecord | null, baseIndex: number, entries: readonly Entry[]): readonly Entry[] {
    return snapshot === null ? entries : [...this.contentsOf(snapshot).slice(0, baseIndex), ...entries];
  }
}
