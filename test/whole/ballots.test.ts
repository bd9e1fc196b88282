// Which refusals of a vote does the check in src/sim/ballots.ts accept?
import { expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { Ballots } from "../../src/sim/ballots.ts";
import type { Member } from "../../src/sim/member.ts";
import { follower } from "../core/build.ts";
import { at, n1, n2, requestVote, voteReply } from "../core/say.ts";

const voter = follower({ log: [1, 1], term: 2 });
const refilling: State = { ...voter, refill: { finding: "the end is gone", clusterUuid: "u", id: 7, ticket: null } };

const memberWith = (state: State): Member => ({ node: { state } }) as unknown as Member;

/** What the check says of a voter that has one state as the request comes, and another one as its refusal leaves. */
function foundIn(asked: State, answering: State, last = at(2, 1)): readonly string[] {
  const found: string[] = [];
  const ballots = new Ballots((what) => void found.push(what));
  ballots.onSent(memberWith(asked), { from: n2, to: n1, message: requestVote(2, last) });
  ballots.onHeard(memberWith(asked), n2, requestVote(2, last));
  ballots.onSent(memberWith(answering), { from: n1, to: n2, message: voteReply(2, false) });
  return found;
}

test("a voter that has no reason gives its vote", () => {
  expect(foundIn(voter, voter)).toEqual([expect.stringMatching(/refuses .* its vote in term 2/)]);
});

test("a voter refuses a log that is behind its own", () => {
  expect(foundIn(voter, voter, at(1, 1))).toEqual([]);
});

test("a voter that has lost something refuses, also when its log is whole before the refusal leaves", () => {
  expect(foundIn(refilling, refilling)).toEqual([]);
  expect(foundIn(refilling, voter)).toEqual([]);
});
