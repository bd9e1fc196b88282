// Draws what a leader tells a follower of itself, and what a follower answers; the rest is frame-generator.ts.
import type { Message, RefillGoal } from "../../../src/core/messages.ts";
import { type Draw, index, position, term } from "./draw.ts";

export const told = (draw: Draw): { confirmed: number; refill: RefillGoal | null } => ({
  confirmed: index(draw),
  refill: draw.orNull(() => ({ id: index(draw), through: index(draw) })),
});

export function appendEntriesReply(draw: Draw): Message {
  const head = { term: term(draw), round: index(draw), clockMs: index(draw), refill: draw.orNull(() => index(draw)) };
  const reply = { kind: "appendEntriesReply", ...head } as const;
  if (draw.bool()) return { ...reply, outcome: { kind: "accepted", matchIndex: index(draw) } };
  if (draw.bool()) return { ...reply, outcome: { kind: "fetching" } };
  if (draw.bool()) return { ...reply, outcome: { kind: "fetchFailed", file: draw.name() } };
  if (draw.bool()) {
    const diverged = {
      at: reply.term === 0 ? { index: 0, term: 0 } : position(draw, reply.term),
      chain: index(draw),
      leaderChain: index(draw),
    };
    return { ...reply, outcome: { kind: "diverged", ...diverged } };
  }
  const conflict = { index: index(draw), term: term(draw) };
  return {
    ...reply,
    outcome: { kind: "refused", prevIndex: index(draw), conflict, lastIndex: index(draw) },
  };
}
