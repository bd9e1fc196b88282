// What every Clock owes its node: the platform's and the one that tests move by hand.
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../doubles/manual-clock.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import type { Clock } from "../../src/ports/clock.ts";

interface ClockUnderTest {
  readonly clock: Clock;
  /** Resolves once `isDone` holds, letting the clock's time pass. */
  readonly until: (isDone: () => boolean) => Promise<void>;
}

const subjects: Readonly<Record<string, () => ClockUnderTest>> = {
  system: () => ({
    clock: systemClock,
    async until(isDone) {
      while (!isDone()) await Bun.sleep(1);
    },
  }),
  manual: () => {
    const clock = new ManualClock();
    return {
      clock,
      until(isDone) {
        for (let tries = 0; !isDone() && tries < 10_000; tries++) clock.advance(1);
        return Promise.resolve();
      },
    };
  },
};

describe.each(Object.entries(subjects))("the %s clock", (_name, make) => {
  test("never goes back", async () => {
    const { clock, until } = make();
    const readings = [clock.nowMs()];
    for (let i = 0; i < 5; i++) {
      let hasFired = false;
      clock.at(clock.nowMs() + 1, () => (hasFired = true));
      await until(() => hasFired);
      readings.push(clock.nowMs());
    }
    expect(readings).toEqual(readings.toSorted((a, b) => a - b));
    expect(new Set(readings).size).toBe(6);
  });

  test("a timer is never early, fractions of a millisecond included", async () => {
    const { clock, until } = make();
    const earlyByMs: number[] = [];
    for (let i = 0; i < 40; i++) {
      const atMs = clock.nowMs() + 1 + i / 7;
      clock.at(atMs, () => earlyByMs.push(atMs - clock.nowMs()));
    }
    await until(() => earlyByMs.length === 40);
    expect(Math.max(...earlyByMs)).toBeLessThanOrEqual(0);
  });

  test("timers fire once, in the order of their moments", async () => {
    const { clock, until } = make();
    const startMs = clock.nowMs();
    const fired: string[] = [];
    clock.at(startMs + 30, () => fired.push("late"));
    clock.at(startMs + 5, () => fired.push("early"));
    clock.at(startMs + 15, () => fired.push("middle"));
    let isOver = false;
    clock.at(startMs + 45, () => (isOver = true));
    await until(() => isOver);
    expect(fired).toEqual(["early", "middle", "late"]);
  });

  test("a timer of the past fires, but not from inside the call that sets it", async () => {
    const { clock, until } = make();
    let hasFired = false;
    clock.at(clock.nowMs() - 1000, () => (hasFired = true));
    expect(hasFired).toBe(false);
    await until(() => hasFired);
    expect(hasFired).toBe(true);
  });

  test("a cancelled timer does not fire, and cancelling again does no harm", async () => {
    const { clock, until } = make();
    const fired: string[] = [];
    const timer = clock.at(clock.nowMs() + 2, () => fired.push("cancelled"));
    timer.cancel();
    timer.cancel();
    let isOver = false;
    clock.at(clock.nowMs() + 10, () => (isOver = true));
    await until(() => isOver);
    expect(fired).toEqual([]);
  });

  test("a timer beyond what the platform's timers can hold does not fire at once", async () => {
    const { clock, until } = make();
    const fired: string[] = [];
    const far = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map((atMs) =>
      clock.at(atMs + 1000, () => fired.push("far")),
    );
    let isOver = false;
    clock.at(clock.nowMs() + 10, () => (isOver = true));
    await until(() => isOver);
    for (const timer of far) timer.cancel();
    expect(fired).toEqual([]);
  });

  test("soon comes after the caller has returned, in order, before a later timer", async () => {
    const { clock, until } = make();
    const ran: string[] = [];
    clock.at(clock.nowMs() + 20, () => ran.push("timer"));
    clock.soon(() => ran.push("first"));
    clock.soon(() => ran.push("second"));
    ran.push("caller");
    await until(() => ran.includes("timer"));
    expect(ran).toEqual(["caller", "first", "second", "timer"]);
  });

  test("the wall clock shows a date, and random bytes differ", () => {
    const { clock } = make();
    expect(clock.wallMs()).toBeGreaterThan(Date.UTC(2025, 0, 1));
    const first = clock.randomBytes(16);
    expect(first).toBeInstanceOf(Uint8Array);
    expect(first.length).toBe(16);
    expect(clock.randomBytes(16)).not.toEqual(first);
    expect(clock.randomBytes(0).length).toBe(0);
  });
});
