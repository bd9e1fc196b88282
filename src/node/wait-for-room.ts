// What does a node do while its disk is full? It takes no part, as if it had crashed: it hears no messages and keeps no time.
// Clients are sent elsewhere. What others have told it once is told to the core again when there is room.
import { nodeIdOf } from "../core/configuration.ts";
import type { DurableEffect, Effect } from "../core/effects.ts";
import { entryBytes } from "../core/entry.ts";
import type { Event } from "../core/events.ts";

/** What a write weighs beside its entries, bytes, at the most: configurations and records are small. */
const recordBytes = 64 * 1024;

/** What these effects weigh, bytes. */
export function bytesOf(effects: readonly DurableEffect[]): number {
  let bytes = recordBytes;
  for (const effect of effects) {
    if (effect.kind === "appendLog") for (const entry of effect.entries) bytes += entryBytes(entry);
  }
  return bytes;
}

/** Other nodes say it once for each connection. Of this node's own events the latest one counts. */
type StandingEvent = Extract<Event, { readonly kind: "fitness" | "wake" | "peerConnected" | "message" }>;

/** The latest of each kind, and of each peer: a node that begins anew from its store has to be told of them again. */
export class StandingEvents {
  readonly #latest = new Map<string, StandingEvent>();

  get latest(): readonly StandingEvent[] {
    return [...this.#latest.values()];
  }

  note(event: Event): void {
    if (event.kind === "fitness" || event.kind === "wake") this.#latest.set(event.kind, event);
    else if (event.kind === "peerConnected") this.#latest.set(`peer ${event.peer.id}`, event);
    else if (event.kind === "message" && event.message.kind === "genesisNotice") {
      // A founder believes the other founders alone, so that nobody else's word may take the place of theirs.
      this.#latest.set(`genesis ${nodeIdOf(event.from)}`, event);
    }
  }
}

/** What is done about an event while there is no room: everyone who waits for an answer gets one. */
export function turnedAway(event: Event): readonly Effect[] {
  switch (event.kind) {
    case "propose":
      return [{ kind: "proposalsRefused", refs: event.proposals.map(({ ref }) => ref), leader: null }];
    case "read":
      return [{ kind: "readRefused", ref: event.ref, leader: null }];
    case "transferLeadership":
      return [{ kind: "transferSettled", ref: event.ref, outcome: { kind: "notLeader", leader: null } }];
    case "changeMembership":
      return [{ kind: "changeSettled", ref: event.ref, outcome: { kind: "notLeader", leader: null } }];
    default:
      return [];
  }
}
