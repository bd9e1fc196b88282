// Does the simulation know of each leadership, also of one that is over within the event in which it began?
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import type { State } from "../../src/core/state.ts";
import type { Member } from "../../src/sim/member.ts";
import { Safety } from "../../src/sim/safety.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { leader } from "../core/build.ts";
import { n1, n2 } from "../core/say.ts";

const memberWith = (state: State): Member => ({ node: { state } }) as unknown as Member;

test("two leaders of one term are found, though neither leads at the end of an event", () => {
  const found: string[] = [];
  const led: string[] = [];
  const nothing = (): void => {};
  const safety = new Safety([], {
    broken: (what) => void found.push(what),
    led: ({ self }) => void led.push(self),
    elected: nothing,
    committed: nothing,
    changed: nothing,
  });
  for (const self of [n1, n2]) safety.onRole(memberWith(leader({ self, term: 1 })));
  expect(led).toEqual([n1]);
  expect(found).toEqual([`${n1} and ${n2} both lead term 2`]);
});

/** When something happened to a node, and of a new role which one. */
const roleLine = /^ *(?<when>\S+ ms {2}n\d+) (?:(?<role>leads|is a follower).* in term (?<term>\d+))?/u;

/** Seeds to look through: the moment comes in one of a hundred, and the first of these has it as things are. */
const seeds = { first: 42_000_032, count: 600 };

test("a node that led until it heard of its successor, in one event, counts among the leaders", () => {
  const plugin = checkDefinition(kv);
  const briefly: string[] = [];
  for (let seed = seeds.first; briefly.length === 0 && seed < seeds.first + seeds.count; seed++) {
    const terms = new Set<string>();
    let leads = "";
    const trace = (line: string): void => {
      const { when = "", role, term } = roleLine.exec(line)?.groups ?? {};
      if (leads === when && role === "is a follower") briefly.push(line);
      leads = role === "leads" ? when : "";
      if (role === "leads") terms.add(term!);
    };
    const { elections } = simulateWhole({ seed, plugin, events: 4200, story: { theme: "duels" }, trace });
    expect(elections).toBe(terms.size);
  }
  expect(briefly.length).toBeGreaterThan(0);
}, 600_000);
