// Whatever configurations a lying leader sends, no honest node ends: neither the one that takes them nor the one that leads later.
import { expect, test } from "bun:test";
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import type { Entry } from "../../src/core/entry.ts";
import { nextUint32, seedRandom } from "../../src/core/random.ts";
import type { State } from "../../src/core/state.ts";
import { step } from "../../src/core/step.ts";
import { follower } from "./build.ts";
import { accepted, append, at, foundedAtMs, from, n1, n2, n3, n4, n5, persisted, preVoteReply } from "./say.ts";
import { propose, tick, type Untimed, voteReply } from "./say.ts";

const all = [n1, n2, n3, n4, n5];
const others = all.filter((key) => key !== n1);

class Chance {
  #random;

  constructor(seed: number) {
    this.#random = seedRandom([seed, 7, 7, 7]);
  }

  below(limit: number): number {
    const [value, random] = nextUint32(this.#random);
    this.#random = random;
    return value % limit;
  }

  some(keys: readonly MemberKey[], oneOf = 2): MemberKey[] {
    return keys.filter(() => this.below(oneOf) === 0);
  }

  configuration(): Configuration {
    const keys = [n1, ...this.some(others)];
    const oneAtLeast = (some: MemberKey[]): MemberKey[] => (some.length > 0 ? some : [keys[this.below(keys.length)]!]);
    return {
      members: keys.map((key) => ({ key, address: "a:1", priority: this.below(3) - 1 })),
      voters: oneAtLeast(this.some(keys)),
      outgoing: this.below(2) === 0 ? this.some(keys) : [],
      leaving: this.below(2) === 0 ? this.some(keys) : [],
      pending: Array.from({ length: this.below(3) }, () => ({
        promote: oneAtLeast(this.some(keys)),
        demote: this.some(keys, 3),
        remove: this.some(keys, 3),
      })),
    };
  }
}

/** One step, and what it wrote is durable. Only what the core itself asserts counts: a log may hold what no honest leader wrote. */
function go(state: State, event: Untimed, afterMs = 0): State {
  const [after] = step(state, { ...event, nowMs: state.nowMs + afterMs });
  const { confirmed, issued } = after.durability;
  return confirmed < issued ? step(after, { ...persisted(issued), nowMs: after.nowMs })[0] : after;
}

/** Time passes, and whatever it asks for the others grant. */
function live(before: State): State {
  let state = go(before, tick, Math.max(0, Math.min(nextDeadlineMs(before) - before.nowMs, 5000)) + 1);
  const { currentTerm } = state;
  for (const key of others) {
    if (state.role.kind === "preCandidate")
      state = go(state, from(key, preVoteReply(currentTerm + 1, currentTerm, true)));
    if (state.role.kind === "candidate") state = go(state, from(key, voteReply(state.currentTerm, true)));
    if (state.role.kind !== "leader") continue;
    state = go(state, from(key, accepted(state.currentTerm, state.log.last.index, state.role.round)));
  }
  return state.role.kind === "leader" ? go(state, propose(3)) : state;
}

test("configurations of a liar end no node, at once or when it leads", () => {
  let led = 0;
  for (let run = 0; run < 600; run++) {
    const chance = new Chance(run);
    const entries: readonly Entry[] = Array.from({ length: 1 + chance.below(3) }, (_, place) => ({
      kind: "configuration",
      index: 4 + place,
      term: 3,
      stampMs: foundedAtMs + place,
      configuration: chance.configuration(),
    }));
    const commit = chance.below(2) === 0 ? 2 : 3 + chance.below(entries.length + 1);
    try {
      let state = follower({ log: [1, 2, 3], leader: n2, commitIndex: 2 });
      state = go(state, from(n2, append({ term: 3, prev: at(3, 3), entries, commit })));
      for (let turn = 0; turn < 12; turn++) state = live(state);
      if (state.role.kind === "leader") led++;
    } catch (error) {
      throw new Error(`run ${run}: ${JSON.stringify(entries)}`, { cause: error });
    }
  }
  expect(led).toBeGreaterThan(400);
});
