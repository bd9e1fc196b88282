// Takes the snapshots of one state machine, one at a time: from the moment it is frozen until everything that held it fast is
// let go, and what changed meanwhile is back in its place. What a snapshot consists of is told by executor.ts.
import { GraftError } from "../../errors.ts";
import { type FrozenView, watchingViews } from "./frozen-views.ts";
import { type SectionSource, SnapshotWriter } from "./snapshot-layout.ts";

/** Entries that are put back with each command: more than most commands change. */
const SETTLING_STEPS = 64;

export interface RunningSnapshot {
  /** The next chunk, in memory of its own; null at the end, which closes it, and after it. Throws `GraftError("state-machine")`. */
  read(): Uint8Array<ArrayBuffer> | null;
  /** More than once is fine. Throws `GraftError("state-machine")` when the plugin cannot let go. */
  close(): void;
}

export interface SnapshotTakingOptions {
  /** Runs what is the plugin's. Throws what it throws, and for what it may not do. */
  readonly guarded: <Result>(run: () => Result) => Result;
  /** The error for what went wrong with the plugin. */
  readonly failed: (cause: unknown) => GraftError;
}

/** `readAhead`: what is left of it is read now, and kept until it is asked for. Nothing is held fast then. */
type OpenSnapshot = RunningSnapshot & { readonly readAhead: () => void };

export class SnapshotTaking {
  readonly #options: SnapshotTakingOptions;
  #open: OpenSnapshot | null = null;
  /** Of snapshots that are over: the state still has to be put together again. */
  #settling: FrozenView[] = [];

  constructor(options: SnapshotTakingOptions) {
    this.#options = options;
  }

  /** `freeze` is called at once. Throws `GraftError("state-machine")`, and leaves nothing open then. */
  begin(freeze: () => readonly SectionSource[]): RunningSnapshot {
    this.mustBeOver();
    const { guarded, failed } = this.#options;
    const views: FrozenView[] = [];
    let sections: readonly SectionSource[];
    try {
      sections = guarded(() => watchingViews((view) => views.push(view), freeze));
    } catch (cause) {
      this.#letGo(views);
      throw failed(cause);
    }
    this.#open = this.#running(sections, views);
    return this.#open;
  }

  /** Throws `GraftError("state-machine")` while a snapshot is open. */
  mustBeOver(): void {
    if (this.#open !== null) throw new GraftError("state-machine", "A snapshot of the state machine is open");
  }

  /** The state is about to be handed over as a whole. A snapshot that is open goes on from memory. */
  letStateGo(): void {
    this.#open?.readAhead();
  }

  /** A little of what is left to do after a snapshot. To be called between commands: what changes is not to be iterated. */
  settle(): void {
    if (this.#settling.length > 0) this.#settling = this.#settling.filter((view) => !view.settle(SETTLING_STEPS));
  }

  #running(sections: readonly SectionSource[], views: readonly FrozenView[]): OpenSnapshot {
    const { guarded, failed } = this.#options;
    const writer = new SnapshotWriter(sections);
    const ahead: (Uint8Array<ArrayBuffer> | GraftError)[] = [];
    let isAtEnd = false;
    const letGo = (): void => {
      if (this.#open !== snapshot) return;
      this.#open = null;
      try {
        guarded(() => sections.forEach(({ pieces }) => pieces.return?.()));
      } catch (cause) {
        throw failed(cause);
      } finally {
        this.#letGo(views);
      }
    };
    const next = (): Uint8Array<ArrayBuffer> | null => {
      if (isAtEnd) return null;
      if (this.#open !== snapshot) throw new GraftError("state-machine", "The snapshot is closed");
      let chunk: Uint8Array<ArrayBuffer> | null;
      try {
        chunk = guarded(() => watchingViews(refuseView, () => writer.read()));
      } catch (cause) {
        letGo();
        throw failed(cause);
      }
      isAtEnd = chunk === null;
      if (isAtEnd) letGo();
      return chunk;
    };
    const read = (): Uint8Array<ArrayBuffer> | null => {
      const kept = ahead.shift();
      if (kept instanceof GraftError) throw kept;
      return kept ?? next();
    };
    const readAhead = (): void => {
      try {
        for (let chunk = next(); chunk !== null; chunk = next()) ahead.push(chunk);
      } catch (error) {
        // Only the reader of the snapshot gets the error.
        ahead.push(error instanceof GraftError ? error : failed(error));
      }
    };
    const close = (): void => {
      // Nobody may take what has been read for all of it.
      if (ahead.length > 0) isAtEnd = false;
      ahead.length = 0;
      letGo();
    };
    const snapshot: OpenSnapshot = { read, close, readAhead };
    return snapshot;
  }

  #letGo(views: readonly FrozenView[]): void {
    for (const view of views) view.close();
    this.#settling.push(...views);
  }
}

function refuseView(): never {
  throw new Error("a snapshot of a SnapshotMap is opened too late: open each one before `snapshot` returns");
}
