// When may a state machine that stands still be left so, once all faults are over?
import { expect, test } from "bun:test";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { Chance } from "../../src/sim/chance.ts";
import type { Member } from "../../src/sim/member.ts";
import { Schedule } from "../../src/sim/schedule.ts";
import type { Standing } from "../../src/sim/standing.ts";
import { Standstills } from "../../src/sim/standstills.ts";
import { genesisOf, n1, n2, n3 } from "../core/say.ts";

const configuration = genesisConfiguration(genesisOf(n1, n2, n3));
const standing = { governing: configuration, possible: () => [configuration] } as unknown as Standing;
const whole = { isWhole: true, isOut: false, standstill: null };
const sound = { ...whole, key: n2 };

/** In how many of twenty seeds it is left. The third voter rests. */
function leftOf(other: typeof sound, areMembersSettled = true): number {
  let left = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const standstill = { kind: "throws", index: 4, at: "entry 4" };
    const stopped = { ...whole, id: "n1", key: n1, standstill, restart: () => {} } as unknown as Member;
    const standstills = new Standstills({
      schedule: new Schedule(),
      chance: new Chance(seed),
      members: [stopped, other as unknown as Member],
      standing,
      mayLead: () => true,
      noticeMs: { low: 1, high: 2 },
      trace: () => {},
      violated: (what) => expect(what).toBe("nothing"),
    });
    standstills.end(areMembersSettled);
    if (standstills.isLeft(stopped)) left++;
  }
  return left;
}

test("while another voter can take the lead", () => {
  expect(leftOf(sound)).toBeGreaterThan(5);
});

test("not while the only other voter is out of the cluster", () => {
  expect(leftOf({ ...sound, isOut: true })).toBe(0);
});

test("not while the members may change, and that voter may go", () => {
  expect(leftOf(sound, false)).toBe(0);
});

/** What is said of a leader that stands still at entry 53 and hands over of its own accord to a node that has applied less. */
function saidOf(problem: string): readonly string[] {
  const said: string[] = [];
  const state = { self: n1, role: { kind: "leader", transfer: { ref: null } }, unfit: new Map([[n1, "stateMachine"]]) };
  const standstill = { kind: "hangs", index: 53, at: "entry 53" };
  const node = { state, requests: { problemOf: () => problem } };
  const standstills = new Standstills({
    schedule: new Schedule(),
    chance: new Chance(1),
    members: [{ id: "n1", key: n1, node, standstill } as unknown as Member],
    standing,
    mayLead: () => true,
    noticeMs: { low: 1, high: 2 },
    trace: () => {},
    violated: (what) => void said.push(what),
  });
  standstills.onSent({ from: n1, to: n2, message: { kind: "timeoutNow", term: 1 } });
  return said;
}

test("a leader that has named where it stands still hands over to no node that has yet to apply that entry", () => {
  const broken = `${n1} stands still at entry 53 and hands over to ${n2}, which has not applied it`;
  expect(saidOf("its state machine has been busy with entry 53 (term 2)")).toEqual([broken]);
  expect(saidOf("its state machine has been busy with entry 8 (term 2)")).toEqual([]);
});
