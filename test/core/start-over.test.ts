// A store without room takes the node back to what is saved, as a crash would.
import { expect, test } from "bun:test";
import { describeEffect } from "../../src/core/describe.ts";
import { restore } from "../../src/core/restore.ts";
import { startOver } from "../../src/core/start-over.ts";
import { follower, leader, play, saved, starting } from "./build.ts";
import { change, fitness, n1, n2, persisted, propose, read, transferTo } from "./say.ts";

test("whoever waits for the leader gets an answer, nothing is written, and what is known of others stays", () => {
  const leading = leader({ log: [1], matched: [[n2, 2]] });
  const asked = play(leading, read(7), change({ demote: ["n2"] }), fitness([n1, "space"]));
  const waiting = play(asked, persisted(asked.durability.issued), transferTo("n3"), propose(1, 4));
  expect(waiting.appliedIndex).toBe(2);
  const found = restore(saved({ log: [1, 2], term: 2, votedFor: n1 }), starting());
  const [state, effects] = startOver(waiting, found);
  expect(effects.map(describeEffect)).toEqual([
    "refuse 2, leader n3",
    "transfer: this node does not lead",
    "refuse read 7, leader unknown",
    expect.stringMatching(/^change 1: this node has stopped leading/),
  ]);
  expect(state).toEqual({
    ...found,
    appliedIndex: 2,
    commitIndex: 2,
    unfit: new Map([[n1, "space"]]),
    clockStartMs: waiting.clockStartMs,
    nextReadId: waiting.nextReadId,
  });
});

test("who waits for the end of a hand-over still hears of it", () => {
  const handingOver = { ref: 1, target: n2, dueMs: 9_999 };
  const [state] = startOver({ ...follower({ log: [1] }), handingOver }, follower({ log: [1] }));
  expect(state.handingOver).toEqual(handingOver);
});
