// One turn: what has arrived, then time; what is sent, then what is written; and nothing after a failure.
import { describe, expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { describeState } from "../../src/core/describe.ts";
import { logStart } from "../../src/core/log-position.ts";
import { BrokenRule } from "../../src/node/node-end.ts";
import { turnMsMax } from "../../src/node/turn-loop.ts";
import { appendEntries, chainAt, followerLoop, from, heartbeat, n1, n2 } from "./follower-loop.ts";
import { unbounded } from "./test-asker.ts";

describe("turn loop", () => {
  test("what was sent leaves before the store is called, which is called once a turn", () => {
    const { loop, clock, log } = followerLoop();
    loop.arrive({
      kind: "message",
      from: n2,
      message: { kind: "requestPreVote", term: 1, last: logStart, transfer: false },
    });
    loop.arrive(from(n2, appendEntries(0, 2)));
    loop.arrive(from(n2, appendEntries(2, 1)));
    expect(clock.run()).toBe(1);
    expect(log.filter((line) => !line.startsWith("from"))).toEqual([
      "send requestPreVoteReply",
      "flush",
      "write writeVote+appendLog+appendLog",
      "flush",
      "turned",
    ]);
  });

  test("what promises durability leaves only once the store has confirmed it", () => {
    const { loop, clock, store, log } = followerLoop();
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    expect(log).not.toContain("send appendEntriesReply");
    store.flushAll();
    clock.run();
    expect(log.slice(-4)).toEqual(["ticket 2 is durable", "send appendEntriesReply", "flush", "turned"]);
  });

  test("a write that is durable at once is confirmed within the turn", () => {
    const { loop, clock, log } = followerLoop((_, onDurable) => onDurable());
    loop.arrive(from(n2, appendEntries(0, 2)));
    expect(clock.run()).toBe(1);
    expect(log.slice(-4)).toEqual(["ticket 2 is durable", "send appendEntriesReply", "flush", "turned"]);
    expect(clock.run()).toBe(0);
  });

  test("what arrives in a turn that has lasted too long has the next one, though nothing else comes", () => {
    const { loop, clock, log } = followerLoop((_, onDurable) => {
      clock.stall(turnMsMax);
      onDurable();
    });
    loop.arrive(from(n2, appendEntries(0, 1)));
    expect(clock.run()).toBe(1);
    expect([log.includes("send appendEntriesReply"), loop.dueCount]).toEqual([false, 1]);
    expect(clock.run()).toBe(1);
    expect([log.includes("send appendEntriesReply"), loop.dueCount]).toEqual([true, 0]);
    expect(clock.run()).toBe(0);
  });

  test("a turn goes back to what arrives in it a few times, and leaves the rest to the next one", () => {
    const { loop, clock, log, transport } = followerLoop((_, onDurable) => onDurable());
    let left = 40;
    transport.send = () => {
      if (left-- > 0) loop.arrive(from(n2, heartbeat));
    };
    loop.arrive(from(n2, heartbeat));
    const handled = (): number => log.filter((line) => line.startsWith("from")).length;
    const counts: number[] = [];
    while (clock.run() > 0) counts.push(handled());
    expect(counts.length).toBeGreaterThan(2);
    // Sixteen times. Once it hears of what it has written alone.
    expect(counts[0]).toBe(15);
    expect([handled(), left, log.filter((line) => line === "turned").length]).toEqual([41, -1, counts.length]);
  });

  test("a loop that is stopped from outside asks for no turn, and owes none to what arrives", () => {
    const { loop, clock, log } = followerLoop();
    loop.arrive(from(n2, heartbeat));
    loop.stop();
    expect(clock.run()).toBe(1);
    loop.arrive(from(n2, heartbeat));
    loop.tryAgain();
    expect([clock.run(), loop.dueCount, log, clock.pendingTimers]).toEqual([0, 0, [], 0]);
  });

  test("a follower acknowledges before it hands anything to its state machine", () => {
    const { loop, clock, log } = followerLoop((_, onDurable) => onDurable());
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    log.length = 0;
    loop.arrive(from(n2, { ...appendEntries(2, 1), leaderCommit: 1 }));
    loop.arrive(from(n2, { ...appendEntries(3, 1), leaderCommit: 2 }));
    clock.run();
    expect(log.filter((line) => /^(write|send|flush|apply|turned)/.test(line))).toEqual([
      "flush",
      "write appendLog+appendLog",
      "send appendEntriesReply",
      "flush",
      "apply through 2",
      "turned",
    ]);
    // What is handed over is handed over once.
    loop.schedule();
    clock.run();
    expect(log.filter((line) => line.startsWith("apply"))).toEqual(["apply through 2"]);
  });

  test("lets go of what its tail need not keep after each turn, up to what is durable then", () => {
    const { loop, clock, store, tail } = followerLoop();
    const trimmed: number[] = [];
    tail.trim = (through) => void trimmed.push(through);
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    store.flushAll();
    loop.arrive(from(n2, appendEntries(2, 1)));
    clock.run();
    store.flushAll();
    clock.run();
    expect(trimmed).toEqual([0, 2, 3]);
  });

  test("keeps exactly one timer, for the core's deadline", () => {
    const { loop, clock, log } = followerLoop();
    loop.schedule();
    clock.run();
    expect(clock.pendingTimers).toBe(1);
    clock.advance(nextDeadlineMs(loop.state) - clock.nowMs());
    expect(log).not.toContain("the timer fires");
    clock.run();
    expect(log).toContain("the timer fires");
    expect(loop.state.role.kind).toBe("preCandidate");
    expect(clock.pendingTimers).toBe(1);
    loop.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("sets its timer anew when the deadline comes nearer, and cancels the one that was set", () => {
    const { loop, clock } = followerLoop((_, onDurable) => onDurable());
    const set: number[] = [];
    const at = clock.at.bind(clock);
    clock.at = (atMs, callback) => {
      set.push(atMs);
      return at(atMs, callback);
    };
    for (let term = 1; term <= 40; term++) {
      loop.arrive(from(n2, { ...heartbeat, term }));
      clock.run();
      expect(clock.pendingTimers).toBe(1);
      expect(set.at(-1)).toBeLessThanOrEqual(nextDeadlineMs(loop.state));
    }
    expect(set.length).toBeGreaterThan(1);
    expect(set).toEqual(set.toSorted((a, b) => b - a));
  });

  test("a timer set too early looks at the clock and is set anew, without a tick", () => {
    const { loop, clock, log } = followerLoop((_, onDurable) => onDurable());
    loop.schedule();
    clock.run();
    const firstDueMs = nextDeadlineMs(loop.state);
    clock.advance(400);
    loop.arrive(from(n2, heartbeat));
    clock.run();
    expect(nextDeadlineMs(loop.state)).not.toBe(firstDueMs);
    clock.advance(Math.min(firstDueMs, nextDeadlineMs(loop.state)) - clock.nowMs());
    const isDue = clock.nowMs() >= nextDeadlineMs(loop.state);
    clock.run();
    expect(log.includes("the timer fires")).toBe(isDue);
    expect(clock.pendingTimers).toBe(1);
    // Never a deadline that the timer would miss.
    clock.advance(nextDeadlineMs(loop.state) - clock.nowMs());
    clock.run();
    expect(log).toContain("the timer fires");
  });

  test("keeps no timer while only an event from outside can change anything", () => {
    const { loop, clock } = followerLoop(undefined, false);
    loop.schedule();
    expect([clock.run(), nextDeadlineMs(loop.state), clock.pendingTimers]).toEqual([1, Number.POSITIVE_INFINITY, 0]);
  });

  test("says in the log which part it takes, when that changes and not otherwise", () => {
    const { loop, clock, said } = followerLoop((_, onDurable) => onDurable());
    const roles = () => said.filter((line) => line.startsWith("info role"));
    loop.arrive(from(n2, heartbeat));
    clock.run();
    // The term is new to it.
    expect(roles()).toHaveLength(1);
    loop.arrive(from(n2, appendEntries(0, 1)));
    clock.run();
    expect(roles()).toHaveLength(1);
    clock.advance(nextDeadlineMs(loop.state) - clock.nowMs());
    clock.run();
    expect([roles().length, loop.state.role.kind]).toEqual([2, "preCandidate"]);
    expect(roles()[1]).toContain(describeState(loop.state));
  });

  test("P52: after a pause the messages that were waiting are handled before the timer is acted on", () => {
    const { loop, clock, log } = followerLoop((_, onDurable) => onDurable());
    loop.arrive(from(n2, heartbeat));
    clock.run();
    clock.stall(nextDeadlineMs(loop.state) - clock.nowMs() + 1);
    // The process goes on: its timer fires, then the sockets are read, then comes the turn.
    clock.advance(0);
    loop.arrive(from(n2, heartbeat));
    log.length = 0;
    clock.run();
    expect(log.filter((line) => line.startsWith("from") || line === "the timer fires").length).toBe(1);
    expect(loop.state.role.kind).toBe("follower");
  });

  test("a broken invariant stops the loop: no further step of that turn, nor a later one", () => {
    const { loop, clock, log, failures } = followerLoop((_, onDurable) => onDurable());
    loop.arrive(from(n2, heartbeat));
    clock.run();
    log.length = 0;
    loop.arrive({ kind: "persisted", ticket: 99 });
    loop.arrive(from(n2, appendEntries(0, 1)));
    clock.run();
    expect(failures[0]).toBeInstanceOf(BrokenRule);
    expect(String(failures[0])).toContain("a rule of Raft does not hold: ticket 99 confirmed");
    expect(log).toEqual([]);
    loop.arrive(from(n2, heartbeat));
    expect(clock.run()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(failures.length).toBe(1);
  });

  test("a halt is the last thing that is done: nothing of its turn is written, and no later message is handled", () => {
    const { loop, clock, log } = followerLoop();
    loop.arrive(from(n2, appendEntries(0, 2)));
    loop.arrive(from(n2, { ...appendEntries(2, 1), prevChain: chainAt(2, 1) + 1 }));
    loop.arrive(from(n2, appendEntries(2, 1)));
    clock.run();
    expect(log.filter((line) => line.startsWith("from"))).toHaveLength(2);
    expect(log.filter((line) => !line.startsWith("from"))).toEqual(["halt diverged"]);
  });

  test("nor is anything that the core wanted after the effect at which the loop was stopped", () => {
    const { loop, clock, log, transport } = followerLoop();
    loop.schedule();
    clock.run();
    transport.send = (to) => {
      log.push(`send to ${String(to)}`);
      loop.stop();
    };
    log.length = 0;
    clock.advance(nextDeadlineMs(loop.state) - clock.nowMs());
    clock.run();
    expect(loop.state.role.kind).toBe("preCandidate");
    expect(log.filter((line) => line !== "the timer fires")).toEqual([`send to ${n2}`]);
  });

  test("P47: a failed write stops the loop and is not tried again", () => {
    let calls = 0;
    const { loop, clock, log, failures } = followerLoop(() => {
      calls++;
      throw new Error("the disk failed");
    });
    loop.arrive(from(n2, appendEntries(0, 1)));
    clock.run();
    clock.advance(10_000);
    loop.arrive(from(n2, heartbeat));
    expect(clock.run()).toBe(0);
    expect(calls).toBe(1);
    expect(failures).toEqual([new Error("the disk failed")]);
    expect(log).not.toContain("send appendEntriesReply");
    expect(log).not.toContain("turned");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a disk without room for a write", () => {
  test("takes the node back to what is saved: nothing is promised, and what was on its way to the disk counts for nothing", () => {
    const { loop, clock, log, store, failures } = followerLoop();
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    store.isFull = true;
    loop.arrive(from(n2, appendEntries(2, 1)));
    clock.run();
    expect(log).toContain("no room");
    // Those that were written before are not durable either, and are gone as after a crash.
    expect(loop.state.log.last).toEqual(store.saved.last);
    expect(loop.state).toMatchObject({
      role: { kind: "follower", leader: null },
      currentTerm: store.saved.currentTerm,
    });
    store.flushAll();
    expect(clock.run()).toBe(0);
    expect([log.filter((line) => line.startsWith("send")), failures]).toEqual([[], []]);
  });

  test("a confirmation of before that comes late confirms nothing of what is written after it", () => {
    const durable: (() => void)[] = [];
    const { loop, clock, log, room } = followerLoop((_, onDurable) => void durable.push(onDurable));
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    room.isThere = false;
    loop.arrive(from(n2, appendEntries(2, 1)));
    clock.run();
    expect([log.includes("no room"), loop.state.log.last.index]).toEqual([true, 0]);
    room.isThere = true;
    loop.tryAgain();
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    const [late, own] = durable;
    expect(durable).toHaveLength(2);
    late!();
    expect([clock.run(), loop.state.durability.persistedIndex]).toEqual([0, 0]);
    expect(log).not.toContain("send appendEntriesReply");
    own!();
    clock.run();
    expect(loop.state.durability.persistedIndex).toBe(2);
    expect(log).toContain("send appendEntriesReply");
  });

  test("what is committed and durable is handed over, also when the room ends in the same turn", () => {
    const { loop, clock, log, store, room } = followerLoop();
    loop.arrive(from(n2, appendEntries(0, 2)));
    clock.run();
    store.flushAll();
    clock.run();
    room.isThere = false;
    loop.arrive(from(n2, { ...appendEntries(2, 1), leaderCommit: 2 }));
    clock.run();
    expect(log.filter((line) => /^(no room|apply)/.test(line))).toEqual(["no room", "apply through 2"]);
    expect([loop.state.appliedIndex, loop.state.log.last.index]).toEqual([2, 2]);
  });

  test("has it take no part until there is room: it hears no message, keeps no time, and sends clients elsewhere", () => {
    const { loop, clock, log, room, waiting } = followerLoop((_, onDurable) => onDurable());
    room.isThere = false;
    loop.arrive(from(n2, appendEntries(0, 1)));
    clock.run();
    expect(log).toContain("no room");
    expect(clock.pendingTimers).toBe(0);
    const answers: string[] = [];
    const fail = ({ code }: { readonly code: string }): void => void answers.push(code);
    const waiter = {
      kind: "closeSession",
      session: 1,
      payload: new Uint8Array(),
      dueMs: 1e9,
      open: unbounded,
      succeed() {},
      fail,
    } as const;
    const ref = waiting.add({ ...waiter, session: 1 } as never);
    loop.arrive({ kind: "propose", proposals: [{ kind: "closeSession", ref, session: 1 } as never] });
    loop.arrive(from(n2, appendEntries(0, 1)));
    loop.arrive({ kind: "fitness", unfit: new Map([[n1, "space"]]) });
    clock.run();
    expect(answers).toEqual(["not-leader"]);
    loop.tryAgain();
    expect([loop.waitsForRoom, loop.state.log.last.index]).toEqual([true, 0]);
    room.isThere = true;
    loop.tryAgain();
    loop.arrive(from(n2, appendEntries(0, 1)));
    clock.run();
    expect(loop.state.log.last.index).toBe(1);
    expect(loop.state.unfit.get(n1)).toBe("space");
    expect(log).toContain("send appendEntriesReply");
    expect(clock.pendingTimers).toBe(1);
  });
});
