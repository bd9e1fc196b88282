// What does the state of a plugin look like from outside? Sees the value that `create` returned, what a snapshot of it would hold, and what
// the plugin's queries answer: a class may hide its fields, and a closure its variables.
import type { DurableHooks, Plugin, RawPlugin, RawState, TypedPlugin } from "../adapters/plugin/definition-check.ts";
import { type QueryContext, Rejected } from "../adapters/plugin/api.ts";
import { guarded } from "../adapters/plugin/determinism-guard.ts";
import { type FrozenView, watchingViews } from "../adapters/plugin/frozen-views.ts";
import { createTypedHandlers } from "../adapters/plugin/typed-handlers.ts";
import { textOf } from "../client/typed-payload.ts";
import { describeOutcome } from "./describe-payload.ts";
import { describeState } from "./state-text.ts";

export interface Look {
  readonly state: string;
  /** Null: the plugin has none, or it must be let alone. */
  readonly snapshot: string | null;
  /** How much there is to see. */
  readonly values: number;
}

export class StateView {
  /** The plugin, whose newest state is what is seen. */
  readonly plugin: Plugin;
  #state: unknown = null;
  #raw: RawState | null = null;

  constructor(plugin: Plugin) {
    this.plugin = plugin.style === "typed" ? this.#seenTyped(plugin) : this.#seenRaw(plugin);
  }

  #seenTyped(plugin: TypedPlugin): TypedPlugin {
    const { create, durable } = plugin;
    const seen = (state: unknown): void => void (this.#state = state);
    return { ...plugin, create: () => tell(create(), seen), durable: durable && seenBy(durable, seen) };
  }

  #seenRaw(plugin: RawPlugin): RawPlugin {
    const { create, durable } = plugin;
    const seen = (state: RawState | null): void => {
      this.#raw = state;
      this.#state = state?.instance ?? null;
    };
    return { ...plugin, create: () => tell(create(), seen), durable: durable && seenBy(durable, seen) };
  }

  /** Throws what the plugin's `snapshot` throws. `withSnapshot`: none is open. */
  look(withSnapshot: boolean): Look {
    // What an open database looks like says nothing of what is in it. The items of its snapshot do.
    const state = describeState(this.plugin.durable === null ? this.#state : null);
    const snapshot = withSnapshot ? this.#snapshot() : null;
    return {
      state: state.text,
      snapshot: snapshot?.text ?? null,
      values: state.values + (snapshot?.values ?? 0),
    };
  }

  /** What `answer` gives for a query that depends on more than the state. */
  static readonly noAnswer = "no answer that depends on the state alone";

  /** What a query answers where nothing but the state counts. */
  answer(query: Uint8Array, context: QueryContext): string {
    const { plugin } = this;
    try {
      const payload = guarded("snapshot", () => {
        if (plugin.style === "raw") return this.#raw!.query(query.slice(), context) as Uint8Array;
        return createTypedHandlers(plugin, this.#state).query(query, context)();
      });
      return describeOutcome(plugin.style, { kind: "ok", payload });
    } catch (error) {
      if (error instanceof Rejected) return describeOutcome(plugin.style, { kind: "rejected", message: error.message });
      // A query may look at the clock, and then its answer says nothing of the state.
      return StateView.noAnswer;
    }
  }

  #snapshot(): ReturnType<typeof describeState> | null {
    const views: FrozenView[] = [];
    const open = (view: FrozenView): void => void views.push(view);
    try {
      return guarded("snapshot", () => {
        const items = watchingViews(open, () => this.#take());
        return items === null ? null : describeState(Array.from(items as Iterable<unknown>, this.#shown));
      });
    } finally {
      for (const view of views) {
        view.close();
        view.settle(Number.POSITIVE_INFINITY);
      }
    }
  }

  /** An item of a raw snapshot is bytes. Where these are text, text is easier to read, and no other bytes have the same. */
  readonly #shown = (item: unknown): unknown =>
    this.plugin.style === "raw" && item instanceof Uint8Array ? (textOf(item) ?? item) : item;

  #take(): unknown {
    if (this.plugin.style === "raw") return this.#raw?.snapshots?.take() ?? null;
    // A state on disk is not there before somebody asks for it.
    if (this.plugin.durable !== null && this.#state === null) return null;
    return this.plugin.snapshots?.take(this.#state) ?? null;
  }
}

function tell<State>(state: State, seen: (state: State | null) => void): State {
  seen(state);
  return state;
}

/** Several may be open for a while. The one that is in force was opened or cleared last, of those that have not been closed. */
function seenBy<State>(durable: DurableHooks<State>, seen: (state: State | null) => void): DurableHooks<State> {
  let open: readonly State[] = [];
  const newest = (state: State | null): void => {
    if (state !== null) open = [...open.filter((each) => each !== state), state];
    seen(state);
  };
  return {
    ...durable,
    open: (folder) => tell(durable.open(folder), newest),
    clear(state) {
      newest(state);
      return durable.clear(state);
    },
    close(state) {
      open = open.filter((each) => each !== state);
      seen(open.at(-1) ?? null);
      return durable.close(state);
    },
  };
}
