// Whom does a node believe about copies, and whom does it answer? Each message by itself: node/copies.ts. What comes of them is copies.test.ts.
import { expect, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { State } from "../../src/core/state.ts";
import { Copies } from "../../src/node/copies.ts";
import type { CopyMessage, CopyNotice, CopyVerdict } from "../../src/ports/copy-messages.ts";
import type { Message } from "../../src/core/messages.ts";
import type { NodeMessage } from "../../src/ports/node-messages.ts";
import { follower, leader } from "../core/build.ts";
import { n1, n2, n3, snapshotAt } from "../core/say.ts";

const stranger = "n9@z9" as MemberKey;
const outcomes = (index: number, value: number) => ({ index, of: "outcomes", value }) as const;

function setUp(state: State, snapshot: SnapshotRecord | null = null) {
  const sent: { readonly to: MemberKey; readonly message: CopyMessage }[] = [];
  const replaced: string[] = [];
  let latest = 4;
  const clock = { time: 0, nowMs: () => clock.time };
  const send = (to: MemberKey, message: Message | NodeMessage): void =>
    void sent.push({ to, message: message as CopyMessage });
  const copies = new Copies(
    { incarnation: incarnationOf(state.self), snapshot },
    { transport: { send }, clock, logger: { enabled: () => true, log: () => {} } },
    {
      every: 4,
      state: () => state,
      distrust: () => {},
      explained: () => {},
      confirmed: () => {},
      operationAt: () => null,
      askContent: () => {},
      snapshotFrom: (index) => snapshotAt({ index: Math.max(index, latest++), term: 1 }),
      replaceBy: (_, { file }) => void replaced.push(file),
    },
  );
  copies.onTurned();
  const after = (ms: number): void => {
    clock.time += ms;
    copies.sweep();
  };
  const kinds = (to: MemberKey): readonly string[] =>
    sent.flatMap(({ to: whom, message }) => (whom === to ? [message.kind] : []));
  return { copies, sent, replaced, after, kinds };
}

const notice = (state: State, changes: Partial<CopyNotice> = {}): CopyNotice => ({
  kind: "copyNotice",
  term: state.currentTerm,
  copy: 0,
  isGiven: false,
  isUnproven: false,
  standing: "sound",
  doubt: null,
  covered: 0,
  words: [],
  ...changes,
});

const leading = (): State => leader({ log: [1, 1, 1, 1, 1, 1, 1, 1], commitIndex: 8 });

function following(): { readonly state: State; readonly verdict: CopyVerdict } {
  const state = follower({ log: [1, 1, 1, 1, 1, 1, 1, 1], commitIndex: 8, leader: n2 });
  const range = { isConfirmed: false, of: "outcomes", after: 0, through: 4 } as const;
  return { state, verdict: { kind: "copyVerdict", term: state.currentTerm, copy: 0, standing: "wrong", ...range } };
}

test("a verdict counts from the leader alone, and of its term", () => {
  const { state, verdict } = following();
  const { copies } = setUp(state);
  copies.onMessage(n3, verdict);
  copies.onMessage(n2, { ...verdict, term: state.currentTerm - 1 });
  copies.onMessage(n2, { ...verdict, term: state.currentTerm + 1 });
  expect(copies.own.standing).toBe("sound");
  copies.onMessage(n2, verdict);
  expect(copies.own.standing).toBe("wrong");
});

test("a leader hears members alone", () => {
  const state = leading();
  const { copies, after } = setUp(state);
  copies.onWord(outcomes(4, 1));
  for (const from of [stranger, "n8@z8" as MemberKey])
    copies.onMessage(from, notice(state, { words: [outcomes(4, 2)] }));
  after(200);
  expect(copies.agreesThrough).toBeNull();
  copies.onMessage(n2, notice(state, { words: [outcomes(4, 1)] }));
  after(200);
  expect(copies.agreesThrough).toBe(4);
});

test("what the process before has said counts no longer once its node has another connection", () => {
  const state = leading();
  const { copies, after } = setUp(state);
  copies.onWord(outcomes(4, 1));
  copies.onMessage(n2, notice(state, { words: [outcomes(4, 1)] }));
  after(200);
  expect(copies.agreesThrough).toBe(4);
  copies.onPeerConnected({ id: nodeIdOf(n2), incarnation: incarnationOf(n2), bootId: "another" });
  after(2_000);
  expect(copies.agreesThrough).toBeNull();
});

test("a verdict that has changed nothing is told again after a second", () => {
  const state = leading();
  const { copies, after, kinds } = setUp(state);
  copies.onWord(outcomes(4, 1));
  copies.onMessage(n2, notice(state, { words: [outcomes(4, 1)] }));
  copies.onMessage(n3, notice(state, { words: [outcomes(4, 2)] }));
  after(200);
  expect(kinds(n3)).toEqual(["copyVerdict"]);
  after(500);
  expect(kinds(n3)).toEqual(["copyVerdict"]);
  after(1_000);
  expect(kinds(n3)).toEqual(["copyVerdict", "copyVerdict"]);
});

test("a leader that is sound and a witness offers a snapshot to a copy that is wrong, one that was given does not", () => {
  const state = leading();
  for (const [origin, offered] of [
    [incarnationOf(state.self), ["copyOffer"]],
    [incarnationOf(n2), []],
  ] as const) {
    const { copies, after, kinds } = setUp(state, { ...snapshotAt({ index: 4, term: 1 }), origin });
    copies.onMessage(n3, notice(state, { standing: "wrong" }));
    after(200);
    expect(kinds(n3).filter((kind) => kind === "copyOffer")).toEqual([...offered]);
  }
});

test("a member is offered the same snapshot again, also where a later one is there", () => {
  const state = leading();
  const { copies, sent, after } = setUp(state);
  for (const covered of [0, 0, 8]) {
    copies.onMessage(n3, notice(state, { standing: "wrong", covered }));
    after(1_200);
  }
  const indexes = sent.flatMap(({ message }) =>
    message.kind === "copyOffer" ? [message.snapshot.position.index] : [],
  );
  expect(indexes).toEqual([4, 4, 8]);
});

test("a leader whose copy is in doubt names no steps", () => {
  const state = leading();
  const { copies, after, kinds } = setUp(state);
  const trace = { kind: "copyTrace", term: state.currentTerm, after: 0, through: 4 } as const;
  copies.onMessage(n3, trace);
  expect(kinds(n3)).toEqual(["copySteps"]);
  copies.onWord(outcomes(4, 1));
  copies.onMessage(n2, notice(state, { words: [outcomes(4, 2)] }));
  copies.onMessage(n3, notice(state, { words: [outcomes(4, 3)] }));
  after(200);
  expect(copies.own.standing).toBe("doubted");
  copies.onMessage(n3, trace);
  expect(kinds(n3).filter((kind) => kind === "copySteps")).toEqual(["copySteps"]);
});

test("a snapshot that ends before the own one, or is that one, is not fetched in the place of a wrong copy", () => {
  const own = { ...snapshotAt({ index: 4, term: 1 }), file: "own" };
  const state: State = { ...following().state, snapshot: own };
  const { copies, replaced } = setUp(state, own);
  copies.onMessage(n2, following().verdict);
  const offer = (snapshot: SnapshotRecord): void =>
    copies.onMessage(n2, { kind: "copyOffer", term: state.currentTerm, copy: 0, snapshot });
  offer({ ...snapshotAt({ index: 3, term: 1 }), file: "earlier" });
  offer(own);
  offer({ ...snapshotAt({ index: 9, term: 1 }), file: "not applied yet" });
  expect(replaced).toEqual([]);
  offer({ ...own, origin: "another" });
  offer({ ...snapshotAt({ index: 8, term: 1 }), file: "later" });
  expect(replaced).toEqual(["own", "later"]);
});

test("of this node nobody else is told anything while it has no leader", () => {
  const state = follower({ log: [1] });
  const { copies, sent } = setUp(state);
  copies.onWord(outcomes(4, 1));
  expect([sent, state.self]).toEqual([[], n1]);
});
