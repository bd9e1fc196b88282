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
const sound = { ...whole, key: n2 } as unknown as Member;

/** In how many of twenty seeds it is left. The third voter rests. */
function leftOf(moved: readonly Member[]): number {
  let left = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const standstill = { kind: "throws", index: 4, at: "entry 4" };
    const stopped = { ...whole, id: "n1", key: n1, standstill, restart: () => {} } as unknown as Member;
    const standstills = new Standstills({
      schedule: new Schedule(),
      chance: new Chance(seed),
      members: [stopped, sound],
      standing,
      mayLead: () => true,
      moved: () => moved,
      noticeMs: { low: 1, high: 2 },
      trace: () => {},
      violated: (what) => expect(what).toBe("nothing"),
    });
    standstills.end();
    if (standstills.isLeft(stopped)) left++;
  }
  return left;
}

test("while another voter can take the lead", () => {
  expect(leftOf([])).toBeGreaterThan(5);
});

test("not while the only other voter has moved: nobody hands over to it, and the leader takes no change that announces it", () => {
  expect(leftOf([sound])).toBe(0);
});
