// Who finds room in the session table while others keep all that they can? Each client that takes its answers, and an administrator
// in any case.
import { expect, test } from "bun:test";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { type SessionOutcome, SessionTable, type StampedCommand } from "../../src/core/sessions.ts";

const dayMs = 86_400_000;
const bytes = (count: number): SessionOutcome => ({ kind: "ok", payload: new Uint8Array(count) });
const stamp = (id: number, sequence: number, client: string, answeredBelow = 1): StampedCommand => ({
  stamp: { id, sequence, answeredBelow, client },
  digest: sequence,
});

function apply(table: SessionTable, command: StampedCommand, outcome: SessionOutcome) {
  const answer = table.answerTo(command, 10);
  if (answer !== null) return answer;
  table.keep(command, outcome);
  return "applied";
}

const open = (table: SessionTable, id: number, client: string, isAdmin = false): void =>
  expect(table.open(id, { client, isAdmin, timeoutMs: dayMs }, 10)).toBeNull();

test("P63: clients that keep all they can lock out neither the administrators nor another client", () => {
  const table = new SessionTable();
  const kept = bytes(64 * 1024);
  /** It takes no answers, and goes on when it is refused. */
  const flood = (client: string, firstId: number, isAdmin = false): void => {
    for (let id = firstId; id < firstId + 16; id++) {
      open(table, id, client, isAdmin);
      for (let sequence = 1; sequence <= 1024; sequence++) apply(table, stamp(id, sequence, client), kept);
    }
  };
  const finds = (client: string, id: number, isAdmin = false): unknown => {
    open(table, id, client, isAdmin);
    return apply(table, stamp(id, 1, client), bytes(1));
  };
  for (let nth = 1; nth <= 8; nth++) flood(`greedy-${nth}`, nth * 100);
  expect([finds("admin", 10_000, true), finds("modest", 10_001)]).toEqual(["applied", "applied"]);
  flood("greedy admin", 20_000, true);
  expect([finds("other admin", 30_000, true), finds("modest", 30_001)]).toEqual(["applied", "applied"]);
  expect(table.bytes).toBeLessThan(sessionLimits.bytesMax + sessionLimits.adminBytesMax);
});

test("P63: 1,024 sessions are a client's, and the last 1,024 of all the administrators'", () => {
  const table = new SessionTable();
  let lastId = 0;
  const next = (client: string, isAdmin = false): string | null =>
    table.open(++lastId, { client, isAdmin, timeoutMs: dayMs }, 10);
  /** How many it opens before it is refused, and why it is. */
  const greedy = (client: string, isAdmin = false): readonly [number, string] => {
    for (let count = 0; count < 2_000; count++) {
      const refusal = next(client, isAdmin);
      if (refusal !== null) return [count, refusal];
    }
    return [2_000, "not refused"];
  };
  const own = [1_024, "this client has 1024 sessions already"] as const;
  for (let nth = 1; nth <= 63; nth++) expect(greedy(`greedy-${nth}`)).toEqual(own);
  expect(next("modest")).toBe("there are 64512 sessions already");
  expect(greedy("admin", true)).toEqual(own);
  expect(next("other admin", true)).toBe("there are 65536 sessions already");
});

test("P63: a client may keep as much as it leaves to the others", () => {
  const table = new SessionTable({ ...sessionLimits, bytesMax: 1000 });
  for (const [at, client] of ["a", "b", "c"].entries()) open(table, at + 1, client);
  // Each weighs 200 bytes.
  const put = (id: number, sequence: number, client: string) => apply(table, stamp(id, sequence, client), bytes(136));
  expect([put(1, 1, "a"), put(1, 2, "a"), put(1, 3, "a")]).toEqual(["applied", "applied", "applied"]);
  expect(put(1, 4, "a")).toEqual({
    kind: "rejected",
    message:
      "the results kept for the sessions of this client have reached 400 bytes, as many as are left to the others; a new command may succeed when some have arrived",
  });
  expect([put(2, 1, "b"), put(2, 2, "b")]).toEqual(["applied", expect.objectContaining({ kind: "rejected" })]);
  expect(put(3, 1, "c")).toBe("applied");
});

test("a refusal for want of room takes no room, and stays one, also after a restore", () => {
  const limits = { ...sessionLimits, sessionBytesMax: 300 };
  const table = new SessionTable(limits);
  open(table, 7, "app");
  expect(apply(table, stamp(7, 1, "app"), bytes(300))).toBe("applied");
  const before = table.bytes;
  // Those with lower numbers that come later are refused with it: whether they had come before is not kept.
  for (const sequence of [4, 3]) expect(apply(table, stamp(7, sequence, "app"), bytes(1))).not.toBe("applied");
  expect(table.bytes).toBe(before);
  const restored = new SessionTable(limits);
  restored.restore(table.image());
  for (const each of [table, restored]) {
    for (const sequence of [2, 3, 4]) {
      expect(apply(each, stamp(7, sequence, "app", 2), bytes(1))).toEqual({
        kind: "rejected",
        message: `command ${sequence} of session 7 stays refused: there was no room to keep its result; a new command may succeed`,
      });
    }
    expect(apply(each, stamp(7, 5, "app", 2), bytes(1))).toBe("applied");
  }
});

test("to refuse one that goes on opening sessions costs no look at all of its sessions each time", () => {
  const table = new SessionTable();
  const answer = (id: number, stampMs: number): string | null =>
    table.open(id, { client: "a", isAdmin: false, timeoutMs: 1000 }, stampMs);
  const refused = (firstId: number, stampMs: number): void => {
    for (let id = firstId; id < firstId + 1000; id++) {
      expect(answer(id, stampMs)).toBe("this client has 1024 sessions already");
    }
  };
  for (let id = 1; id <= 1024; id++) expect(answer(id, 0)).toBeNull();
  expect(looksAtMaps(() => refused(1025, 500))).toBe(0);
  // Those that a command has kept are looked at once more, and then no more.
  for (let id = 1; id <= 1024; id++) table.answerTo(stamp(id, 1, "a"), 600);
  expect(looksAtMaps(() => refused(2025, 1100))).toBe(1);
  expect([answer(3025, 1600), answer(3026, 1601)]).toEqual(["this client has 1024 sessions already", null]);
});

/** How often something goes through a map of at least 1,000. */
function looksAtMaps(act: () => void): number {
  const { prototype } = Map;
  const iterate = prototype[Symbol.iterator];
  let looks = 0;
  prototype[Symbol.iterator] = function (this: Map<unknown, unknown>) {
    if (this.size >= 1000) looks++;
    return iterate.call(this);
  };
  try {
    act();
  } finally {
    prototype[Symbol.iterator] = iterate;
  }
  return looks;
}

test("a full client stays so through the stamp at which its first session may expire, and a command puts that off", () => {
  const table = new SessionTable({ ...sessionLimits, clientSessionsMax: 2 });
  const opening = (client: string, timeoutMs: number) => ({ client, isAdmin: false, timeoutMs });
  table.open(1, opening("a", 100), 0);
  expect(table.fullUntilMs("a")).toBeNull();
  table.open(2, opening("a", 500), 0);
  expect([table.fullUntilMs("a"), table.fullUntilMs("b")]).toEqual([100, null]);
  apply(table, stamp(1, 1, "a"), bytes(1));
  expect(table.open(3, opening("a", 9), 100)).not.toBeNull();
  expect(table.fullUntilMs("a")).toBe(100);
  // That stamp is too early: what has happened since shows when it has passed.
  expect(table.open(4, opening("a", 9), 101)).not.toBeNull();
  expect(table.fullUntilMs("a")).toBe(110);
  expect(table.open(5, opening("a", 9), 111)).toBeNull();
});
