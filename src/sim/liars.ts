// Who lies in a simulation? A node that was never added, and a client that uses the sessions of others. They draw from generators of their
// own: without them the rest of the story is the same until somebody believes them.
import type { AppliedEntry } from "../ports/state-machine.ts";
import { Chance } from "./chance.ts";
import type { Member } from "./member.ts";
import { Stranger } from "./stranger.ts";
import { Thief, type ThiefWorld } from "./thief.ts";

/** How often each of them lies, ms; 0: never. */
export interface LiarPace {
  readonly stranger: number;
  readonly thief: number;
}

const strangerSeeds = 0x5eed;
const thiefSeeds = 0x7e1f;

export class Liars {
  readonly #stranger: Stranger | null;
  readonly #thief: Thief | null;

  /** @param keys what a thief writes; null: the plugin has no keys that are known */
  constructor(
    { stranger, thief }: LiarPace,
    seed: number,
    { keys, ...world }: Omit<ThiefWorld, "chance" | "everyMs" | "keys"> & { readonly keys: number | null },
  ) {
    this.#stranger =
      stranger > 0 ? new Stranger({ ...world, chance: new Chance(seed ^ strangerSeeds), everyMs: stranger }) : null;
    this.#stranger?.lieOn();
    this.#thief =
      thief > 0 && keys !== null
        ? new Thief({ ...world, chance: new Chance(seed ^ thiefSeeds), everyMs: thief, keys })
        : null;
  }

  /** After each event, at each member. */
  look(member: Member): void {
    this.#stranger?.look(member);
  }

  onApplied(entry: AppliedEntry): void {
    this.#thief?.onApplied(entry);
  }

  end(): void {
    this.#thief?.end();
  }
}
