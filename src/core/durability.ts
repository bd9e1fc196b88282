// What must be on disk before it may be promised: tickets for durable effects, and the promises that wait for them.
import type { MemberKey, PlacedConfiguration } from "./configuration.ts";
import type { DurableEffect, Effect, WriteSnapshot } from "./effects.ts";
import type { Entry } from "./entry.ts";
import type { Ticket } from "./events.ts";
import type { Genesis } from "./genesis.ts";
import type { LogIndex, Term } from "./log-position.ts";
import { appended, compacted, emptiedAt, truncated } from "./log-terms.ts";
import type { Durability, Emit, State, Refilling } from "./state.ts";

/** The durability of a node whose state has just been read back from disk. */
export const restoredDurability = (last: LogIndex): Durability => ({
  issued: 0,
  confirmed: 0,
  voteTicket: 0,
  persistedIndex: last,
  appends: [],
  promised: [],
});

/** Term and vote, as one write (§3.8: persistent state is updated before responding). */
export function writeVote(state: State, vote: { term: Term; votedFor: MemberKey | null }, emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "writeVote", ticket, currentTerm: vote.term, votedFor: vote.votedFor });
  return {
    ...state,
    currentTerm: vote.term,
    votedFor: vote.votedFor,
    durability: { ...state.durability, issued: ticket, voteTicket: ticket },
  };
}

export function writeGenesis(state: State, genesis: Genesis, emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "writeGenesis", ticket, genesis });
  return { ...state, genesis, founding: null, durability: { ...state.durability, issued: ticket } };
}

export function writeRemoved(state: State, by: PlacedConfiguration, emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "writeRemoved", ticket, ...by });
  return { ...state, removed: { ...by, ticket }, durability: { ...state.durability, issued: ticket } };
}

export function writeRefilled(state: State, refill: Refilling, emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "writeRefilled", ticket });
  return { ...state, refill: { ...refill, ticket }, durability: { ...state.durability, issued: ticket } };
}

export function appendToLog(state: State, entries: readonly Entry[], emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "appendLog", ticket, entries });
  const log = appended(state.log, entries, state.settings.messageBytesMax);
  const appends = [...state.durability.appends, { ticket, through: log.last.index }];
  return { ...state, log, durability: { ...state.durability, issued: ticket, appends } };
}

/** Removes the entries after `through`; none of them may be committed. */
export function truncateLog(state: State, through: LogIndex, emit: Emit): State {
  if (through < state.commitIndex) {
    throw new Error(`Leader Completeness broken: entry ${through + 1} is committed (through ${state.commitIndex})`);
  }
  const ticket = state.durability.issued + 1;
  emit({ kind: "truncateLog", ticket, through });
  const { durability } = state;
  return {
    ...state,
    log: truncated(state.log, through),
    durability: {
      ...durability,
      issued: ticket,
      persistedIndex: Math.min(durability.persistedIndex, through),
      // A write of entries that are gone again confirms only what is left of them.
      appends: durability.appends.map((write) => ({ ...write, through: Math.min(write.through, through) })),
    },
  };
}

/** Points to a snapshot, and lets the log begin after what it covers, or after a part of that. */
export function writeSnapshot(state: State, write: Omit<WriteSnapshot, "kind" | "ticket">, emit: Emit): State {
  const ticket = state.durability.issued + 1;
  emit({ kind: "writeSnapshot", ticket, ...write });
  const { durability } = state;
  const { snapshot, base } = write;
  if (!write.discardsLog) {
    return { ...state, log: compacted(state.log, base), snapshot, durability: { ...durability, issued: ticket } };
  }
  // Of what is on its way to the disk only what is committed is known to be in the snapshot as well.
  const kept = (index: LogIndex): LogIndex => Math.min(index, state.commitIndex);
  const appends = durability.appends.map((earlier) => ({ ...earlier, through: kept(earlier.through) }));
  return {
    ...state,
    log: emptiedAt(snapshot),
    snapshot,
    durability: {
      ...durability,
      issued: ticket,
      persistedIndex: kept(durability.persistedIndex),
      appends: [...appends, { ticket, through: base.index }],
    },
  };
}

/**
 * Emits `effect` when everything issued up to `ticket` is durable: now, or with the confirmation to come. Of answers of one
 * kind to one node only the latest waits: it says what there is to say, and a disk that hangs would heap them up.
 */
export function promise(state: State, ticket: Ticket, effect: Exclude<Effect, DurableEffect>, emit: Emit): State {
  const { durability } = state;
  if (durability.confirmed >= ticket) {
    emit(effect);
    return state;
  }
  // A promise may be due before those made earlier: an answer needs the vote alone, and they the log as well.
  const others = durability.promised.filter((waiting) => !isSuperseded(waiting.effect, effect));
  const promised = [...others, { ticket, effect }].sort((a, b) => a.ticket - b.ticket);
  return { ...state, durability: { ...durability, promised } };
}

const isSuperseded = (earlier: Effect, effect: Effect): boolean =>
  earlier.kind === "send" &&
  effect.kind === "send" &&
  earlier.to === effect.to &&
  earlier.message.kind === effect.message.kind;

/** Whether the current term and vote are durable. */
export const isVoteDurable = (state: State): boolean => state.durability.confirmed >= state.durability.voteTicket;

/** Takes the store's word for every ticket up to `ticket`, and releases what waited for them. */
export function confirm(state: State, ticket: Ticket, emit: Emit): State {
  const { durability } = state;
  if (ticket > durability.issued) throw new Error(`ticket ${ticket} confirmed, but only ${durability.issued} issued`);
  if (ticket <= durability.confirmed) return state;
  const written = durability.appends.filter((write) => write.ticket <= ticket);
  for (const { ticket: due, effect } of durability.promised) if (due <= ticket) emit(effect);
  return {
    ...state,
    durability: {
      ...durability,
      confirmed: ticket,
      persistedIndex: written.at(-1)?.through ?? durability.persistedIndex,
      appends: durability.appends.filter((write) => write.ticket > ticket),
      promised: durability.promised.filter((waiting) => waiting.ticket > ticket),
    },
  };
}
