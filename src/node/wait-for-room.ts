// What does a node do while its disk is full? It takes no part, as if it had crashed: it hears no messages and keeps no time.
// Clients are sent elsewhere. What it must know later is kept until there is room.
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

type Kept = Extract<Event, { readonly kind: "fitness" | "peerConnected" }>;

export class WaitForRoom {
  /** The latest of each: of fitness, and of each peer. */
  readonly #kept = new Map<string, Kept>();

  get kept(): Iterable<Kept> {
    return this.#kept.values();
  }

  /** What is to be done about an event: whoever waits for an answer gets one. */
  answer(event: Event): readonly Effect[] {
    switch (event.kind) {
      case "propose":
        return [{ kind: "proposalsRefused", refs: event.proposals.map(({ ref }) => ref), leader: null }];
      case "read":
        return [{ kind: "readRefused", ref: event.ref, leader: null }];
      case "transferLeadership":
        return [{ kind: "transferSettled", outcome: { kind: "notLeader", leader: null } }];
      case "changeMembership":
        return [{ kind: "changeSettled", ref: event.ref, outcome: { kind: "notLeader", leader: null } }];
      case "fitness":
        this.#kept.set("fitness", event);
        return [];
      case "peerConnected":
        this.#kept.set(`peer ${event.peer.id}`, event);
        return [];
      default:
        return [];
    }
  }
}
