// The session table: a command takes effect once, whatever happens to its copies, and every node decides the same.
import { describe, expect, test } from "bun:test";
import { type SessionLimits, sessionLimits } from "../../src/core/session-limits.ts";
import { type SessionOutcome, SessionTable, type StampedCommand } from "../../src/core/sessions.ts";

const ok = (...bytes: readonly number[]): SessionOutcome => ({ kind: "ok", payload: Uint8Array.from(bytes) });
const rejected = (message: string): SessionOutcome => ({ kind: "rejected", message });
/** Each command of a session has a payload of its own. */
const stamp = (id: number, sequence: number, answeredBelow = 1, client = "app"): StampedCommand => ({
  stamp: { id, sequence, answeredBelow, client },
  digest: sequence * 31,
});
const opening = (timeoutMs = 1000, client = "app", isAdmin = false) => ({ client, isAdmin, timeoutMs });
const small: SessionLimits = {
  sessionsMax: 3,
  adminSessions: 0,
  clientSessionsMax: 4,
  windowMax: 4,
  sessionBytesMax: 300,
  clientBytesMax: 1000,
  bytesMax: 1000,
  adminBytesMax: 1000,
};

const full = (whose: string, bytes: number): string =>
  `the results kept for ${whose} have reached ${bytes} bytes; a new command may succeed when some have arrived`;

/** Gives the command to the table as an executor does: `outcome` is what applying it would come to. */
function apply(table: SessionTable, command: StampedCommand, stampMs: number, outcome = ok(command.stamp.sequence)) {
  const answer = table.answerTo(command, stampMs);
  if (answer !== null) return answer;
  table.keep(command, outcome);
  return "applied";
}

function opened(limits = sessionLimits, ...ids: readonly number[]): SessionTable {
  const table = new SessionTable(limits);
  for (const id of ids) expect(table.open(id, opening(), 0)).toBeNull();
  return table;
}

describe("a command of a session", () => {
  test("P25: a copy is answered with what the first one came to, and is not applied", () => {
    const table = opened(sessionLimits, 7);
    expect(apply(table, stamp(7, 1), 10, ok(1, 2))).toBe("applied");
    expect(apply(table, stamp(7, 1), 20)).toEqual(ok(1, 2));
    expect(apply(table, stamp(7, 1), 30)).toEqual(ok(1, 2));
  });

  test("P25: a refusal of the plugin is an outcome like any other", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 1), 10, rejected("no such account"));
    expect(apply(table, stamp(7, 1), 20)).toEqual(rejected("no such account"));
  });

  test("is applied in whatever order it comes: the numbers of one session need not rise in the log", () => {
    const table = opened(sessionLimits, 7);
    for (const sequence of [3, 1, 2]) expect(apply(table, stamp(7, sequence), 10)).toBe("applied");
    for (const sequence of [1, 2, 3]) expect(apply(table, stamp(7, sequence), 20)).toEqual(ok(sequence));
  });

  test("is its session's: the same number in another session is another command", () => {
    const table = opened(sessionLimits, 7, 8);
    expect([apply(table, stamp(7, 1), 1), apply(table, stamp(8, 1), 1)]).toEqual(["applied", "applied"]);
  });

  test("is forgotten once the client has said that it waits for it no longer, whether it was applied or not", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 1), 10);
    apply(table, stamp(7, 3, 3), 10);
    expect(apply(table, stamp(7, 1), 20)).toEqual({ kind: "forgotten" });
    expect(apply(table, stamp(7, 2), 20)).toEqual({ kind: "forgotten" });
    expect(apply(table, stamp(7, 3, 3), 20)).toEqual(ok(3));
  });

  test("brings back no outcome that was let go of when it says less than was said before", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 5, 5), 10);
    expect(apply(table, stamp(7, 6, 1), 20)).toBe("applied");
    expect(apply(table, stamp(7, 4, 1), 20)).toEqual({ kind: "forgotten" });
  });
});

describe("a session", () => {
  test("ends after its time without a command, by the stamps alone, and every command keeps it", () => {
    const table = opened(sessionLimits, 7);
    expect(apply(table, stamp(7, 1), 1000)).toBe("applied");
    expect(apply(table, stamp(7, 1), 2000)).toEqual(ok(1));
    expect(apply(table, stamp(7, 2), 3000)).toBe("applied");
    expect(apply(table, stamp(7, 3), 4001)).toEqual({ kind: "expired" });
    expect(apply(table, stamp(7, 2), 4001)).toEqual({ kind: "expired" });
  });

  test("that was never opened, or is closed, has expired", () => {
    const table = opened(sessionLimits, 7);
    expect(apply(table, stamp(8, 1), 0)).toEqual({ kind: "expired" });
    expect([7, 7, 9].map((id) => table.close(id, "app", 0)?.kind)).toEqual([undefined, "expired", "expired"]);
    expect(apply(table, stamp(7, 1), 0)).toEqual({ kind: "expired" });
  });

  test("finds room as soon as another has expired, and none before", () => {
    const table = opened(small, 1, 2, 3);
    expect(table.open(4, opening(), 1000)).toBe("there are 3 sessions already");
    apply(table, stamp(2, 1), 1000);
    expect(table.open(5, opening(), 1001)).toBeNull();
    expect(table.size).toBe(2);
    expect(apply(table, stamp(2, 2), 2000)).toBe("applied");
    expect(apply(table, stamp(5, 1), 2000)).toBe("applied");
  });
});

describe("P63: a session is the client's that opened it", () => {
  const thief = (id: number, sequence: number, answeredBelow = 1) => stamp(id, sequence, answeredBelow, "thief");
  const foreign = rejected("session 7 belongs to another client");

  test("a command of another client has no effect on the session, and does not keep it alive", () => {
    const table = opened(sessionLimits, 7);
    expect(apply(table, stamp(7, 1), 10, ok(1))).toBe("applied");
    expect(apply(table, thief(7, 2), 500)).toEqual(foreign);
    expect(apply(table, thief(7, 9, 9), 1000)).toEqual(foreign);
    expect(apply(table, stamp(7, 1), 1000)).toEqual(ok(1));
    expect(apply(table, stamp(7, 2), 1000)).toBe("applied");
    expect(apply(table, thief(7, 3), 2000)).toEqual(foreign);
    expect(apply(table, stamp(7, 3), 2001)).toEqual({ kind: "expired" });
  });

  test("another client learns no outcome, and cannot close it", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 1), 10, ok(1));
    expect(apply(table, thief(7, 1), 10)).toEqual(foreign);
    expect(table.close(7, "thief", 10)).toEqual(foreign);
    expect(table.close(7, "app", 10)).toBeNull();
    expect(table.close(7, "thief", 10)).toEqual({ kind: "expired" });
  });

  test("a restored table still knows whose it is", () => {
    const before = opened(sessionLimits, 7);
    apply(before, stamp(7, 1), 10, ok(1));
    const table = new SessionTable();
    table.restore(before.image());
    expect(apply(table, thief(7, 1), 10)).toEqual(foreign);
    expect(table.close(7, "thief", 10)).toEqual(foreign);
    expect(apply(table, stamp(7, 1), 10)).toEqual(ok(1));
  });

  test("a copy with another payload is rejected, also after a restore, and changes nothing", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 1), 10, ok(1));
    const other = { ...stamp(7, 1), digest: 1 };
    const refusal = rejected("command 1 of session 7 was sent before with another payload");
    expect(apply(table, other, 10)).toEqual(refusal);
    const restored = new SessionTable();
    restored.restore(table.image());
    expect(apply(restored, other, 10)).toEqual(refusal);
    expect(apply(restored, stamp(7, 1), 10)).toEqual(ok(1));
  });
});

describe("P63: no client takes the sessions of the others", () => {
  const limits: SessionLimits = { ...small, sessionsMax: 5, adminSessions: 2, clientSessionsMax: 2 };
  const open = (table: SessionTable, id: number, client: string, isAdmin = false, stampMs = 0): string | null =>
    table.open(id, opening(1000, client, isAdmin), stampMs);

  test("each has so many, and another one as soon as one has expired or is closed", () => {
    const table = new SessionTable(limits);
    expect([open(table, 1, "a"), open(table, 2, "a")]).toEqual([null, null]);
    expect(open(table, 3, "a")).toBe("this client has 2 sessions already");
    expect(open(table, 4, "b")).toBeNull();
    table.close(2, "a", 0);
    expect(open(table, 5, "a", false, 10)).toBeNull();
    expect(open(table, 6, "a", false, 1000)).toBe("this client has 2 sessions already");
    expect(open(table, 7, "a", false, 1001)).toBeNull();
  });

  test("some places are the administrators'", () => {
    const table = new SessionTable(limits);
    expect(["a", "b", "c"].map((client, at) => open(table, at + 1, client))).toEqual([null, null, null]);
    expect(open(table, 4, "d")).toBe("there are 3 sessions already");
    expect([open(table, 5, "admin", true), open(table, 6, "root", true)]).toEqual([null, null]);
    expect(open(table, 7, "other", true)).toBe("there are 5 sessions already");
    // Those count as well: there is no place for the others before it is one of theirs.
    table.close(1, "a", 0);
    expect(open(table, 8, "d")).toBe("there are 3 sessions already");
  });

  test("the results of one client take no more than its share", () => {
    const table = new SessionTable({ ...limits, sessionBytesMax: 1000, clientBytesMax: 500, bytesMax: 2000 });
    open(table, 1, "a");
    open(table, 2, "a");
    open(table, 3, "b");
    apply(table, stamp(1, 1, 1, "a"), 10, ok(...new Uint8Array(400)));
    apply(table, stamp(2, 1, 1, "a"), 10);
    expect(apply(table, stamp(2, 2, 1, "a"), 20)).toEqual(rejected(full("the sessions of this client", 500)));
    expect(apply(table, stamp(3, 1, 1, "b"), 20)).toBe("applied");
    // What has expired counts no more.
    apply(table, stamp(2, 1, 1, "a"), 1000);
    expect(apply(table, stamp(2, 3, 1, "a"), 1011)).toBe("applied");
  });
});

describe("what is kept is bounded", () => {
  test("a command too far ahead is refused by its stamp alone, so that each of its copies is", () => {
    const table = opened(small, 7);
    const ahead = stamp(7, 5);
    const refusal = rejected("more than 4 commands of this session wait for their answers");
    expect(apply(table, ahead, 10)).toEqual(refusal);
    expect(apply(table, stamp(7, 4), 10)).toBe("applied");
    apply(table, stamp(7, 6, 5), 10);
    expect(apply(table, ahead, 10)).toEqual(refusal);
    expect(apply(table, stamp(7, 5, 5), 10)).toBe("applied");
  });

  test("a command that finds no room for its outcome is refused before it is applied, for good", () => {
    const table = opened(small, 7);
    const large = ok(...new Uint8Array(400));
    expect(apply(table, stamp(7, 1), 10, large)).toBe("applied");
    const refusal = rejected(full("this session", 300));
    expect(apply(table, stamp(7, 2), 10)).toEqual(refusal);
    // The client knows the first outcome: there is room, but that command has been refused.
    expect(apply(table, stamp(7, 3, 2), 20)).toBe("applied");
    expect(apply(table, stamp(7, 2), 20)).toMatchObject({ kind: "rejected" });
  });

  test("and so it is with the outcomes of all sessions together, until one of them expires", () => {
    const table = opened({ ...small, bytesMax: 500 }, 1, 2, 3);
    apply(table, stamp(3, 1), 10, ok());
    for (const id of [1, 2]) apply(table, stamp(id, 1), 10, ok(...new Uint8Array(120)));
    apply(table, stamp(3, 1), 500);
    expect(apply(table, stamp(3, 2), 1010)).toEqual(
      rejected(
        "the results kept for the sessions of this client have reached 68 bytes, as many as are left to the others; a new command may succeed when some have arrived",
      ),
    );
    expect(apply(table, stamp(3, 3, 3), 1011)).toBe("applied");
  });

  test("what a client knows is let go of, however far it jumps", () => {
    const table = opened(sessionLimits, 7);
    for (let sequence = 1; sequence <= 1000; sequence++) apply(table, stamp(7, sequence), 10);
    expect(table.bytes).toBe(1000 * 65);
    apply(table, stamp(7, 1001, 501), 10);
    expect(table.bytes).toBe(501 * 65);
    apply(table, stamp(7, 2 ** 53 - 1, 2 ** 53 - 1), 10);
    expect(table.bytes).toBe(65);
    table.close(7, "app", 10);
    expect(table.bytes).toBe(0);
  });

  test("of a refusal as much is kept as a reply can carry", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 1), 10, rejected("x".repeat(100_000)));
    expect(apply(table, stamp(7, 1), 10)).toEqual(rejected("x".repeat(2048)));
  });
});

describe("on every node the same", () => {
  /** A run of chance, of which `look` sees every step. */
  function play(seed: number, table: SessionTable, look: (step: number, table: SessionTable) => SessionTable): string {
    let current = table;
    let state = seed;
    const draw = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (state >>> 8) % below;
    };
    const said: unknown[] = [];
    const ids: number[] = [];
    const owners = new Map<number, string>();
    let stampMs = 0;
    for (let index = 1; index <= 600; index++) {
      stampMs += draw(40);
      const id = ids.at(-1 - draw(6)) ?? 999_999;
      // Now and then another client tries it.
      const client = draw(8) === 0 ? "thief" : (owners.get(id) ?? "nobody");
      const kind = draw(12);
      if (kind === 0) {
        const owner = `client${draw(3)}`;
        ids.push(index);
        owners.set(index, owner);
        said.push(current.open(index, opening(200 + draw(400), owner, draw(3) === 0), stampMs));
      } else if (kind === 1 && draw(3) === 0) {
        said.push(current.close(id, client, stampMs));
      } else {
        const answeredBelow = 1 + draw(6);
        const command = stamp(id, answeredBelow + draw(6), answeredBelow, client);
        said.push(apply(current, command, stampMs, draw(4) === 0 ? rejected("no") : ok(index & 255, draw(50))));
      }
      current = look(index, current);
    }
    return JSON.stringify([said, current.image()], (_, value) => (value instanceof Uint8Array ? [...value] : value));
  }

  test("a node that takes snapshots, or was restored from one, answers alike", () => {
    const limits = {
      ...small,
      sessionsMax: 6,
      adminSessions: 1,
      clientSessionsMax: 3,
      sessionBytesMax: 200,
      clientBytesMax: 400,
      bytesMax: 700,
    };
    let all = "";
    for (let seed = 1; seed <= 16; seed++) {
      const plain = play(seed, new SessionTable(limits), (_, table) => table);
      const snapshots = play(seed, new SessionTable(limits), (index, table) => {
        if (index % 7 === seed % 7) table.image();
        return table;
      });
      const restored = play(seed, new SessionTable(limits), (index, table) => {
        if (index % 50 !== seed) return table;
        const other = new SessionTable(limits);
        other.open(1, opening(5), 5);
        other.restore(table.image());
        return other;
      });
      expect([seed, snapshots === plain, restored === plain]).toEqual([seed, true, true]);
      all += plain;
    }
    // It was worth playing.
    const answers = ["applied", "expired", "forgotten", "there are 5 sessions", "there are 6 sessions"];
    const refusals = [
      "this client has",
      "another client",
      "this session have",
      "this client have reached 400 bytes;",
      "left to the others",
    ];
    expect([...answers, ...refusals].filter((word) => !all.includes(word))).toEqual([]);
  });

  test("an image stays as it was while the table goes on", () => {
    const table = opened(sessionLimits, 7);
    apply(table, stamp(7, 2), 10);
    apply(table, stamp(7, 1), 10);
    const image = table.image();
    apply(table, stamp(7, 4, 3), 20);
    table.close(7, "app", 30);
    expect(image).toEqual({
      stampMs: 10,
      sessions: [
        {
          id: 7,
          client: "app",
          timeoutMs: 1000,
          activeMs: 10,
          answeredBelow: 1,
          isAdmin: false,
          refusedThrough: 0,
          outcomes: [
            { sequence: 1, digest: 31, outcome: ok(1) },
            { sequence: 2, digest: 62, outcome: ok(2) },
          ],
        },
      ],
    });
  });
});
