// What one member can make another one dial: a few attempts at one time, and none twice.
import { describe, expect, test } from "bun:test";
import { ManualClock } from "../doubles/manual-clock.ts";
import { type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import { ReachAnswers } from "../../src/node/reach-answers.ts";
import type { NodeMessage, Reach } from "../../src/ports/node-messages.ts";

const [n1, n2] = [toMemberKey("n1", "a"), toMemberKey("n2", "b")];
const failed: Reach = { kind: "unreachable", reason: "nothing listens there" };

function setUp() {
  const clock = new ManualClock();
  const attempts: { readonly address: string; readonly timeoutMs: number; readonly end: (reach: Reach) => void }[] = [];
  const sent: (readonly [MemberKey, NodeMessage])[] = [];
  const answers = new ReachAnswers({
    clock,
    transport: {
      reach: (_, address, timeoutMs) => {
        const { promise, resolve } = Promise.withResolvers<Reach>();
        attempts.push({ address, timeoutMs, end: resolve });
        return promise;
      },
      send: (to, message) => void sent.push([to, message as NodeMessage]),
    },
  });
  let ids = 0;
  const ask = (from: MemberKey, address: string, timeoutMs = 60_000, node = "n4"): void =>
    answers.onRequest(from, { kind: "reachRequest", id: ++ids, node, address, timeoutMs });
  return { clock, attempts, sent, ask };
}

const microtasks = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) await Promise.resolve();
};

describe("a member that asks again and again whether a node can be reached", () => {
  test("makes this node dial four addresses at one time, whatever it asks", async () => {
    const { attempts, sent, ask, clock } = setUp();
    for (let port = 1; port <= 13_472; port += 1) ask(n1, `10.0.0.1:${port}`);
    expect(attempts.length).toBe(4);
    for (const { end } of attempts) end(failed);
    await microtasks();
    expect(sent.length).toBe(4);
    // An attempt that fails at once makes room a little later.
    ask(n1, "10.0.0.1:9");
    expect(attempts.length).toBe(4);
    clock.advance(249);
    await microtasks();
    expect(attempts.length).toBe(4);
    clock.advance(1);
    await microtasks();
    expect(attempts.length).toBe(8);
    // However many it has asked, no more than a few wait.
    for (let round = 1; round <= 20; round += 1) {
      for (const { end } of attempts) end(failed);
      await microtasks();
      clock.advance(250);
      await microtasks();
    }
    expect(attempts.length).toBeLessThanOrEqual(4 + 32);
  });

  test("is answered about many nodes, a few at one time, while its questions are not too old", async () => {
    const { attempts, sent, ask, clock } = setUp();
    for (let port = 1; port <= 9; port += 1) ask(n1, `10.0.0.1:${port}`);
    const pass = async (ms: number): Promise<void> => {
      for (const { end } of attempts) end(failed);
      await microtasks();
      clock.advance(ms);
      await microtasks();
    };
    const answered: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      await pass(250);
      answered.push(sent.length);
    }
    expect(answered).toEqual([4, 8, 9]);
    // In the order in which they came.
    expect(attempts.map(({ address }) => Number(address.split(":")[1]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (let port = 11; port <= 15; port += 1) ask(n1, `10.0.0.1:${port}`);
    await pass(2_000);
    await pass(250);
    expect(sent.length).toBe(13);
  });

  test("has an attempt that is under way answer a question for the same address", async () => {
    const { attempts, sent, ask } = setUp();
    ask(n1, "10.0.0.1:1");
    ask(n1, "10.0.0.1:1");
    ask(n2, "10.0.0.1:1");
    expect(attempts.map(({ timeoutMs }) => timeoutMs)).toEqual([2_000]);
    attempts[0]!.end(failed);
    await microtasks();
    expect(sent.map(([to, message]) => [to, "id" in message && message.id])).toEqual([
      [n1, 1],
      [n1, 2],
      [n2, 3],
    ]);
  });

  test("has another node looked for at the same address by an attempt of its own", () => {
    const { attempts, ask } = setUp();
    ask(n1, "10.0.0.1:1");
    ask(n1, "10.0.0.1:1", 60_000, "n5");
    expect(attempts).toHaveLength(2);
  });

  test("has an address tried anew once an attempt has ended, and loses no place by it", async () => {
    const { clock, attempts, sent, ask } = setUp();
    for (let turn = 1; turn <= 40; turn++) {
      ask(n1, "a:1");
      expect(attempts).toHaveLength(turn);
      attempts.at(-1)!.end(failed);
      await microtasks();
      clock.advance(300);
      await microtasks();
    }
    expect(sent).toHaveLength(40);
  });

  test("leaves others their own places among the questions that wait", async () => {
    const { attempts, sent, ask, clock } = setUp();
    for (let port = 1; port <= 100; port += 1) ask(n1, `10.0.0.1:${port}`);
    for (let port = 1; port <= 5; port += 1) ask(n2, `10.0.0.2:${port}`);
    const answeredToN2: number[] = [];
    for (let round = 1; round <= 2; round += 1) {
      for (const { end } of attempts) end(failed);
      await microtasks();
      answeredToN2.push(sent.filter(([to]) => to === n2).length);
      clock.advance(250);
      await microtasks();
    }
    expect(answeredToN2).toEqual([4, 5]);
  });

  test("is answered by an attempt that is under way also while no other one may begin", async () => {
    const { attempts, sent, ask } = setUp();
    for (let member = 1; member <= 4; member += 1) {
      for (let port = 1; port <= 4; port += 1) ask(toMemberKey(`m${member}`, "a"), `10.0.${member}.1:${port}`);
    }
    ask(n1, "10.0.0.1:1");
    ask(n2, "10.0.1.1:1");
    expect(attempts.length).toBe(16);
    attempts[0]!.end(failed);
    await microtasks();
    expect(sent.map(([to]) => to)).toEqual([toMemberKey("m1", "a"), n2]);
  });

  test("has for each attempt the time that is left of its question", async () => {
    const { attempts, ask, clock } = setUp();
    for (let port = 1; port <= 4; port += 1) ask(n1, `10.0.0.1:${port}`, 1_500);
    clock.advance(100);
    ask(n1, "10.0.0.1:5", 1_500);
    ask(n2, "10.0.0.1:6", 300);
    for (const { end } of attempts) end(failed);
    await microtasks();
    clock.advance(250);
    await microtasks();
    expect(attempts.map(({ timeoutMs }) => timeoutMs)).toEqual([1_500, 1_500, 1_500, 1_500, 300, 1_250]);
  });

  test("leaves room for others, up to sixteen attempts for all", () => {
    const { attempts, ask } = setUp();
    for (let member = 1; member <= 6; member += 1) {
      for (let port = 1; port <= 5; port += 1) ask(toMemberKey(`m${member}`, "a"), `10.0.${member}.1:${port}`);
    }
    expect(attempts.length).toBe(16);
  });
});
