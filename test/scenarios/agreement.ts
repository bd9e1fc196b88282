// What holds between the nodes of a story, whatever happens in it: one leader a term, and one entry at each committed index.
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { State } from "../../src/core/state.ts";

export class Agreement {
  readonly #leaders = new Map<string, MemberKey>();
  readonly #committed = new Map<string, number>();

  /** Throws when this node's state contradicts what any node was before. */
  check(state: State, entries: readonly Entry[]): void {
    const cluster = state.genesis?.clusterUuid ?? "";
    if (state.role.kind === "leader") {
      const leader = once(this.#leaders, `${cluster} ${state.currentTerm}`, state.self);
      if (leader !== state.self) throw new Error(`${nodeIdOf(leader)} leads term ${state.currentTerm} already`);
    }
    for (const { index, term } of entries.slice(0, state.commitIndex)) {
      const committed = once(this.#committed, `${cluster} ${index}`, term);
      if (committed !== term) throw new Error(`entry ${index} is committed with terms ${committed} and ${term}`);
    }
  }
}

/** The first value that was ever given for the key. */
function once<T>(values: Map<string, T>, key: string, value: T): T {
  const first = values.get(key) ?? value;
  values.set(key, first);
  return first;
}
