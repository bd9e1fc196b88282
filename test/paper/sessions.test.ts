// The thesis on clients, a sentence a test: §6.3 linearizable semantics by sessions, and their end. The tables behind them are
// test/core/sessions.test.ts, whole clusters src/sim.
import { describe, expect, test } from "bun:test";
import { SessionTable } from "../../src/core/sessions.ts";
import { effectsOf, leader, take } from "../core/build.ts";

const one = { kind: "ok", payload: Uint8Array.of(1) } as const;
const stamp = (id: number, sequence: number, answeredBelow = 1) => ({ id, sequence, answeredBelow, client: "app" });
const opening = { client: "app", isAdmin: false, timeoutMs: 1000 };
/** Each with another payload. */
const command = (id: number, sequence: number, answeredBelow = 1) => ({
  stamp: stamp(id, sequence, answeredBelow),
  digest: sequence,
});

describe("§6.3 Implementing linearizable semantics", () => {
  test("§6.3: a session's id is the log index of the entry by which its client registered", () => {
    const [, effects] = take(leader({ log: [1] }), {
      kind: "propose",
      proposals: [{ kind: "openSession", ref: 1, ...opening }],
    });
    const [entry] = effectsOf(effects, "appendLog")[0]!.entries;
    expect(entry).toMatchObject({ kind: "openSession", ...opening });
    const table = new SessionTable();
    table.open(entry!.index, opening, 0);
    expect(table.answerTo(command(entry!.index, 1), 0)).toBeNull();
  });

  test("§6.3: clients assign a serial number to each command, which is in the entry as the client sent it", () => {
    const session = stamp(2, 7, 5);
    const [, effects] = take(leader({ log: [1] }), {
      kind: "propose",
      proposals: [{ kind: "command", ref: 1, payload: Uint8Array.of(1), session }],
    });
    expect(effectsOf(effects, "appendLog")[0]!.entries).toMatchObject([{ kind: "command", session }]);
  });

  test("§6.3: a command whose serial number has been executed is answered at once, without executing it again", () => {
    const table = new SessionTable();
    table.open(2, opening, 0);
    expect(table.answerTo(command(2, 1), 0)).toBeNull();
    table.keep(command(2, 1), one);
    expect(table.answerTo(command(2, 1), 0)).toEqual(one);
  });

  test("§6.3: with concurrent requests of one client a set of pairs of serial number and response is kept", () => {
    const table = new SessionTable();
    table.open(2, opening, 0);
    for (const sequence of [3, 1]) {
      expect(table.answerTo(command(2, sequence), 0)).toBeNull();
      table.keep(command(2, sequence), { kind: "ok", payload: Uint8Array.of(sequence) });
    }
    expect(table.answerTo(command(2, 2), 0)).toBeNull();
    for (const sequence of [1, 3]) {
      expect(table.answerTo(command(2, sequence), 0)).toEqual({ kind: "ok", payload: Uint8Array.of(sequence) });
    }
  });

  test("§6.3: with each request comes the lowest number not answered yet, and what lies below it is discarded", () => {
    const table = new SessionTable();
    table.open(2, opening, 0);
    for (const sequence of [1, 2]) {
      expect(table.answerTo(command(2, sequence), 0)).toBeNull();
      table.keep(command(2, sequence), one);
    }
    const before = table.bytes;
    expect(table.answerTo(command(2, 3, 3), 0)).toBeNull();
    expect([before > 0, table.bytes]).toEqual([true, 0]);
  });

  test("§6.3: the servers agree on when to expire a session: by the leader's time in the entries, not by their own", () => {
    const tables = [new SessionTable(), new SessionTable()];
    for (const table of tables) table.open(2, opening, 5000);
    // One of them has looked at its sessions in between, as for a snapshot.
    tables[0]!.image();
    for (const table of tables) expect(table.answerTo(command(2, 1), 6001)).toEqual({ kind: "expired" });
  });

  test("§6.3: a command of a client whose session is gone is refused, and no new session is made for it", () => {
    const table = new SessionTable();
    expect(table.answerTo(command(2, 1), 0)).toEqual({ kind: "expired" });
    expect([table.size, table.answerTo(command(2, 1), 0)]).toEqual([0, { kind: "expired" }]);
  });
});
