// Who hears of which hand-over, when several are asked for, and when the answers come in any order.
import { describe, expect, test } from "bun:test";
import type { TransferOutcome } from "../../src/core/effects.ts";
import type { State } from "../../src/core/state.ts";
import { type HandOver, HandOvers } from "../../src/node/hand-overs.ts";
import type { ArrivedEvent } from "../../src/node/mailbox.ts";
import { asLeader, follower, leader, take } from "../core/build.ts";
import { n1, n2, n3, transferTo } from "../core/say.ts";

const leading = leader({ log: [1], members: [n1, n2, n3] });
/** The leader hands over to n2, as the request with this reference asks. */
const handing = (ref: number): State => {
  const after = take(leading, transferTo("n2", ref))[0];
  expect(asLeader(after).transfer).toMatchObject({ ref });
  return after;
};

function setUp(state: State = leading) {
  const world = { state };
  const asked: ArrivedEvent[] = [];
  const handOvers = new HandOvers(
    () => world.state,
    (event) => void asked.push(event),
  );
  const heard: unknown[][] = [];
  const ask = (name: string, to: string | null): void => {
    const note = (outcome: HandOver): void => void heard.push([name, outcome]);
    void handOvers.ask(to).then(note);
  };
  const settle = async (ref: number, outcome: TransferOutcome) => {
    handOvers.settle({ kind: "transferSettled", ref, outcome });
    await Promise.resolve();
    await Promise.resolve();
    return heard;
  };
  return { world, asked, handOvers, ask, settle };
}

const event = (ref: number, to: string | null): ArrivedEvent => ({ kind: "transferLeadership", ref, to });
const done = { kind: "done" } as const;

describe("hand-overs that are asked for", () => {
  test("are events with references of their own, and each answer goes to its own request", async () => {
    const { asked, ask, settle } = setUp();
    ask("first", "n2");
    ask("second", "n3");
    expect(asked).toEqual([event(1, "n2"), event(2, "n3")]);
    expect(await settle(2, { kind: "busy" })).toEqual([["second", { kind: "busy" }]]);
    // An answer that comes again, or that nobody waits for, is heard by nobody.
    await settle(2, done);
    await settle(9, done);
    expect((await settle(1, done)).slice(1)).toEqual([["first", done]]);
  });

  test("to any node wait for the one that is under way, whoever it goes to; those to a named node do not", async () => {
    const { world, asked, ask, settle } = setUp();
    ask("named", "n2");
    world.state = handing(1);
    ask("any", null);
    ask("other", "n3");
    expect(asked).toEqual([event(1, "n2"), event(2, "n3")]);
    expect(await settle(1, { kind: "timedOut" })).toEqual([
      ["named", { kind: "timedOut" }],
      ["any", { kind: "timedOut" }],
    ]);
    // It has had its answer, although the state still shows it.
    ask("late", null);
    expect(asked.at(-1)).toEqual(event(3, null));
  });

  test("to any node are asked for anew when none is under way, or only one of the leader's own", () => {
    const { world, asked, ask } = setUp();
    ask("first", null);
    ask("second", null);
    world.state = handing(7);
    ask("third", null);
    world.state = follower();
    ask("fourth", null);
    expect(asked).toEqual([1, 2, 3, 4].map((ref) => event(ref, null)));
  });

  test("to any node are done when any other node leads, and not when this one does", async () => {
    const cases: readonly (readonly [string | null, TransferOutcome, HandOver])[] = [
      [null, { kind: "elsewhere", leader: n3 }, done],
      [null, { kind: "elsewhere", leader: n1 }, { kind: "elsewhere", leader: n1 }],
      ["n2", { kind: "elsewhere", leader: n3 }, { kind: "elsewhere", leader: n3 }],
      ["n2", { kind: "elsewhere", leader: n1 }, { kind: "elsewhere", leader: n1 }],
      [null, { kind: "notLeader", leader: n3 }, { kind: "notLeader", leader: n3 }],
    ];
    for (const [to, outcome, expected] of cases) {
      const { ask, settle } = setUp();
      ask("it", to);
      expect(await settle(1, outcome)).toEqual([["it", expected]]);
    }
  });

  test("have one answer when the node ends, and what the core says later is not heard", async () => {
    const { world, asked, handOvers, ask, settle } = setUp();
    ask("first", "n2");
    world.state = handing(1);
    handOvers.end();
    ask("late", null);
    expect(await settle(1, done)).toEqual([
      ["first", { kind: "nodeEnded" }],
      ["late", { kind: "notLeader", leader: null }],
    ]);
    expect(asked).toEqual([event(1, "n2")]);
  });
});

test("a node that has ended hands nothing over, also where nobody waited when it did", async () => {
  const { asked, handOvers } = setUp();
  handOvers.end();
  const heard: HandOver[] = [];
  for (const to of ["n2", null]) void handOvers.ask(to).then((outcome) => heard.push(outcome));
  await Promise.resolve();
  await Promise.resolve();
  const ended = { kind: "notLeader", leader: null } as const;
  expect(heard).toEqual([ended, ended]);
  expect(asked).toEqual([]);
});
