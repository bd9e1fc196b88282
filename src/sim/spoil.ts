// One copy of the state machine that may go wrong: its result at one command is another than on the other nodes, or a field of its state is
// changed. What must come of that is spoils.ts.
import type { Command, Plugin } from "../adapters/plugin/definition-check.ts";
import type { LogIndex } from "../core/log-position.ts";

export type SpoilKind = "outcome" | "state" | "content";

/** Weighed by how often they are drawn: what the content alone shows is found only where contents are compared. */
export const spoilKinds: readonly SpoilKind[] = ["outcome", "outcome", "state", "state", "content"];

/** A copy that is wrong, or the snapshot of one: since this entry. */
export interface Wrong {
  readonly kind: SpoilKind;
  readonly index: LogIndex;
}

/** At which indexes the result of each command is hashed. A simulation has few entries, so these are more than otherwise. */
export const hashedEvery = 8;
const spoiledKey = "%spoiled";

export interface SpoilEvents {
  readonly began: (wrong: Wrong) => void;
}

/** Of one state machine. */
export class Spoil {
  planned: SpoilKind | null = null;
  /** Null: it is right. */
  wrong: Wrong | null = null;
  /** The first entry whose outcome is hashed and wrong, whether its command has a session or not; null: there was none. */
  shownAt: LogIndex | null = null;
  readonly #snapshots: Map<number, Wrong>;
  readonly #told: SpoilEvents;

  /** @param snapshots by the hash of their content: those that were taken of copies that were wrong */
  constructor(snapshots: Map<number, Wrong>, told: SpoilEvents) {
    this.#snapshots = snapshots;
    this.#told = told;
  }

  takeEffect(index: LogIndex): SpoilKind | null {
    const kind = this.planned;
    if (kind === null || this.wrong !== null) return null;
    // Of a command without a session no other result is compared.
    if (kind === "outcome" && index % hashedEvery !== 0) return null;
    this.planned = null;
    this.wrong = { kind, index };
    this.#told.began(this.wrong);
    return kind;
  }

  snapshotRead(contentHash: number | null): void {
    if (this.wrong !== null && contentHash !== null) this.#snapshots.set(contentHash, this.wrong);
  }

  restored(contentHash: number): void {
    this.planned = null;
    this.shownAt = null;
    this.wrong = this.#snapshots.get(contentHash) ?? null;
  }

  /** The plugin of this life. */
  copyOf(plugin: Plugin): Plugin {
    if (plugin.style === "raw") return plugin;
    const [put, get] = [plugin.commands.get("put")!, plugin.queries.get("get")!];
    const spoiled: Command = {
      ...put,
      run: (state, input, context) => {
        const result = put.run(state, input, context);
        const begins = this.takeEffect(context.index);
        if (begins === "state" || begins === "content") {
          put.run(state, { key: spoiledKey, value: new TextEncoder().encode(begins) }, context);
        }
        const flipped = get.run(state, { key: spoiledKey }, context) as Uint8Array | null;
        const isShown = flipped !== null && new TextDecoder().decode(flipped) === "state";
        const isWrong = begins === "outcome" || isShown;
        if (isWrong && context.index % hashedEvery === 0) this.shownAt ??= context.index;
        return isWrong ? { ...(result as object), spoiled: true } : result;
      },
    };
    return { ...plugin, commands: new Map(plugin.commands).set("put", spoiled) };
  }
}
