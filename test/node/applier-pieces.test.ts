// Outcomes that come piece by piece: every waiter gets exactly one answer, whatever ends the run before it is over.
import { describe, expect, test } from "bun:test";
import type { WakeTime } from "../../src/core/wake-time.ts";
import type { Deliver } from "../../src/ports/state-machine.ts";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";
import { bytes } from "./recording-machine.ts";

describe("outcomes that come piece by piece", () => {
  const log = [command(1), command(2), command(3)];

  /** One run of three, whose outcomes the test gives. */
  function started() {
    const setting = setUp(log);
    const { applier, machine, waiters } = setting;
    const over = Promise.withResolvers<WakeTime>();
    let deliver: Deliver = () => {};
    machine.apply = (_, given) => {
      deliver = given;
      return over.promise;
    };
    const clients = log.map(({ index }) => waiter("command", "", index * 100));
    for (const [at, client] of clients.entries()) waiters.set(at + 1, client);
    applier.advance(3);
    const give = (...said: readonly string[]): void =>
      deliver(said.map((each) => ({ kind: "ok", payload: bytes(each) })));
    return { ...setting, over, give, answers: () => clients.map((client) => client.answers) };
  }

  test("are answered and let leave as they come; the run is applied when it is over", async () => {
    const { applier, over, give, answers, answeredCount } = started();
    give("a", "b");
    expect(answers()).toEqual([["1.1 a"], ["2.1 b"], []]);
    expect([answeredCount(), applier.appliedIndex, applier.isIdle]).toEqual([1, 0, false]);
    give("c");
    expect(answers()[2]).toEqual(["3.1 c"]);
    over.resolve(null);
    await microtasks();
    expect([applier.appliedIndex, applier.isIdle]).toEqual([3, true]);
  });

  test("P26: when the state machine fails in the middle, each is answered once: by its result, or the failure", async () => {
    const { applier, over, give, answers, failures } = started();
    give("a");
    over.reject(new Error("entry 2 failed"));
    await microtasks();
    expect(answers()).toEqual([["1.1 a"], ["apply-failed"], ["apply-failed"]]);
    expect([applier.appliedIndex, failures]).toEqual([0, ["state machine: entry 2 failed"]]);
  });

  test("P26: when the node ends in the middle, each is answered once, and what comes later is not heard", async () => {
    const { applier, over, give, answers, failures, answeredCount } = started();
    give("a");
    applier.abandon("the node stops");
    give("b", "c");
    over.resolve(null);
    await microtasks();
    expect(answers()).toEqual([["1.1 a"], ["outcome-unknown"], ["outcome-unknown"]]);
    expect([answeredCount(), applier.appliedIndex, failures]).toEqual([1, 0, []]);
  });

  test("P26: whose time is up in the middle is told so, once", () => {
    const { applier, give, answers } = started();
    give("a");
    applier.expire(250);
    expect(answers()).toEqual([["1.1 a"], ["outcome-unknown"], []]);
    give("b", "c");
    // The waiter hears the first word alone; here it notes every one, and the outcome comes after.
    expect(answers()).toEqual([["1.1 a"], ["outcome-unknown", "2.1 b"], ["3.1 c"]]);
    applier.expire(1000);
    applier.abandon("the node stops");
    expect(answers().map((each) => each.length)).toEqual([1, 2, 1]);
  });

  test("more of them than commands end the node", () => {
    const { give, failures } = started();
    give("a", "b", "c", "d");
    expect(failures).toEqual(["node: Error: 3 commands applied, but more outcomes"]);
  });
});
