// Every rare state that the simulations are to reach.
import { badLuck } from "./bad-luck.ts";
import { clients } from "./clients.ts";
import { elections } from "./elections.ts";
import { handOvers } from "./hand-overs.ts";
import { members } from "./members.ts";
import { copies } from "./copies.ts";
import type { Feature, MomentName, RareState, RareStates } from "./rare-state.ts";
import { snapshots } from "./snapshots.ts";

const tables: readonly RareStates[] = [elections, handOvers, members, snapshots, clients, badLuck, copies];

/** Those that are asked at this moment. */
export const rareStatesAt = <Name extends MomentName>(moment: Name): readonly RareState<Name>[] =>
  tables.flatMap((table) => table[moment] ?? []);

/** The name of each, and which features meet in it. */
export const rareStates: readonly { readonly name: string; readonly features: readonly Feature[] }[] = tables.flatMap(
  (table) => Object.values(table).flat(),
);
