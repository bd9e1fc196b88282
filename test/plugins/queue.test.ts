// The queues that ship, in both hosts: at least once, acknowledgements, visibility, and dead letters.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { CborValue } from "../../src/adapters/cbor/value.ts";
import { hosts, type Session } from "./hosts.ts";

interface Received {
  readonly id: number;
  readonly receipt: number;
  readonly body: Uint8Array;
  readonly deliveries: number;
}

describe.each(hosts)("queue (%s)", (_, open) => {
  let machine: Session;
  beforeEach(async () => {
    machine = await open("queue");
  });
  afterEach(() => machine.close());

  const queue = "jobs";
  const send = async (body: string, delayMs = 0): Promise<number> =>
    ((await machine.command("send", { queue, body, delayMs })) as { readonly id: number }).id;
  const receive = async (max = 1, visibilityMs = 100): Promise<readonly Received[]> =>
    ((await machine.command("receive", { queue, max, visibilityMs })) as { readonly messages: readonly Received[] })
      .messages;
  const of = (operation: string, { id, receipt }: Received, more: Readonly<Record<string, CborValue>> = {}) =>
    machine.command(operation, { id, receipt, ...more });
  const counts = () => machine.query("counts", { queue });
  const said = (messages: readonly Received[]) =>
    messages.map(({ body, deliveries }) => `${Buffer.from(body).toString()} ${deliveries}`);
  const passes = async (ms: number): Promise<void> => {
    machine.passes(ms);
    await machine.tick();
  };

  test("messages come in their order, each to one receiver", async () => {
    for (const body of ["a", "b", "c"]) await send(body);
    await machine.command("send", { queue: "jobs2", body: "other" });
    expect(said(await receive(2))).toEqual(["a 1", "b 1"]);
    expect(said(await receive(2))).toEqual(["c 1"]);
    expect(await receive(2)).toEqual([]);
    expect(await counts()).toEqual({ ready: 0, hidden: 3, dead: 0 });
  });

  test("a message that is acknowledged is gone", async () => {
    await send("a");
    const [message] = await receive();
    expect(await of("ack", message!)).toEqual({ acknowledged: true });
    expect(await of("ack", message!)).toEqual({ acknowledged: false });
    await passes(1000);
    expect(await receive()).toEqual([]);
    expect(await counts()).toEqual({ ready: 0, hidden: 0, dead: 0 });
  });

  test("one that is not comes again in its place, without a command, and the receiver before is too late", async () => {
    await send("a");
    await send("b");
    const [first] = await receive(1, 100);
    await passes(98);
    expect(await counts()).toEqual({ ready: 1, hidden: 1, dead: 0 });
    await passes(0);
    expect(await counts()).toEqual({ ready: 2, hidden: 0, dead: 0 });
    const [again] = await receive(1, 100);
    expect(said([again!])).toEqual(["a 2"]);
    expect(again!.receipt).toBeGreaterThan(first!.receipt);
    expect(await of("ack", first!)).toEqual({ acknowledged: false });
    expect(await of("extend", first!, { visibilityMs: 100 })).toEqual({ extended: false });
    expect(await of("reject", first!)).toEqual({ rejected: false });
    expect(await of("ack", again!)).toEqual({ acknowledged: true });
  });

  test("a receiver keeps a message as long as it says", async () => {
    await send("a");
    const [message] = await receive(1, 100);
    machine.passes(50);
    expect(await of("extend", message!, { visibilityMs: 500 })).toEqual({ extended: true });
    await passes(400);
    expect(await receive()).toEqual([]);
    expect(await of("ack", message!)).toEqual({ acknowledged: true });
  });

  test("a message may be delayed, when it is sent and when it is given back", async () => {
    await send("a", 100);
    await send("b");
    expect(said(await receive(10))).toEqual(["b 1"]);
    await passes(100);
    const [late] = await receive(10);
    expect(said([late!])).toEqual(["a 1"]);
    expect(await of("reject", late!, { delayMs: 50 })).toEqual({ rejected: true });
    expect(await receive()).toEqual([]);
    await passes(50);
    expect(said(await receive())).toContain("a 2");
  });

  test("a message that is given back is ready at once", async () => {
    await send("a");
    const [message] = await receive();
    await of("reject", message!);
    expect(said(await receive())).toEqual(["a 2"]);
  });

  describe("dead letters", () => {
    const dead = (after = 0) => machine.query("dead", { queue, after });

    test("are messages that were delivered as often as the queue allows, in vain", async () => {
      await machine.command("limit", { queue, deliveriesMax: 2 });
      const ids = [await send("a"), await send("b")];
      await receive(1, 10);
      await passes(10);
      const [again] = await receive(1, 10);
      expect(again!.deliveries).toBe(2);
      await passes(10);
      expect(await receive(1, 10)).toMatchObject([{ id: ids[1]! }]);
      expect(await dead()).toMatchObject({ messages: [{ id: ids[0]!, deliveries: 2 }] });
      expect(await dead(ids[0])).toEqual({ messages: [] });
      expect(await of("ack", again!)).toEqual({ acknowledged: false });
    });

    test("come after ten deliveries where nobody has said anything, also when they are given back", async () => {
      await send("a");
      for (let nth = 1; nth <= 10; nth++) {
        const [message] = await receive();
        await of("reject", message!, { delayMs: 0 });
      }
      expect(await receive()).toEqual([]);
      expect(await counts()).toEqual({ ready: 0, hidden: 0, dead: 1 });
    });

    test("are received again once they are revived, or are buried", async () => {
      await machine.command("limit", { queue, deliveriesMax: 1 });
      for (const body of ["a", "b", "c"]) await send(body);
      await receive(3, 10);
      await passes(10);
      expect(await machine.command("revive", { queue, max: 2 })).toEqual({ revived: 2 });
      expect(said(await receive(10))).toEqual(["a 1", "b 1"]);
      expect(await machine.command("bury", { queue })).toEqual({ buried: 1 });
      expect(await counts()).toEqual({ ready: 0, hidden: 2, dead: 0 });
    });
  });

  test("an answer has about a mebibyte at the most, or one message", async () => {
    const body = "x".repeat(600_000);
    for (let nth = 0; nth < 3; nth++) await send(body);
    expect((await receive(10)).length).toBe(1);
    await send("y".repeat(2_000_000));
    expect((await receive(10)).length).toBe(1);
  });

  test("a snapshot brings everything back", async () => {
    await machine.command("limit", { queue, deliveriesMax: 1 });
    for (const body of ["a", "b", "c"]) await send(body);
    await send("late", 1000);
    await receive(1, 10);
    await passes(10);
    const [message] = await receive(1, 500);
    const snapshot = await machine.machine.snapshot();
    const chunks = (async function* () {
      for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) yield chunk;
    })();
    const other = await open("queue");
    await other.machine.restore(chunks, null);
    expect(await other.query("counts", { queue })).toEqual({ ready: 1, hidden: 2, dead: 1 });
    expect(await other.query("counts", { queue })).toEqual(await counts());
    const { id, receipt } = message!;
    expect(await other.command("ack", { id, receipt })).toEqual({ acknowledged: true });
    other.passes(2000);
    await other.tick();
    expect(await other.query("counts", { queue })).toEqual({ ready: 2, hidden: 0, dead: 1 });
    expect(await other.command("send", { queue, body: "next" })).toEqual({ id: 5 });
    await other.close();
  });
});
