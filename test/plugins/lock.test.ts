// The locks that ship, in both hosts: leases, tokens, and the queue of those that wait.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { hosts, type Session } from "./hosts.ts";

interface Told {
  readonly held: boolean;
  readonly token: number | null;
  readonly untilMs: number | null;
  readonly place: number | null;
}

describe.each(hosts)("lock (%s)", (_, open) => {
  let lock: Session;
  beforeEach(async () => {
    lock = await open("lock");
  });
  afterEach(() => lock.close());

  const name = "job";
  const acquire = async (owner: string, leaseMs = 1000, waitMs = 0): Promise<Told> =>
    (await lock.command("acquire", { name, owner, leaseMs, waitMs })) as Told;
  const renew = (owner: string, token: number, leaseMs = 1000) =>
    lock.command("renew", { name, owner, token, leaseMs });
  const release = (owner: string, token: number) => lock.command("release", { name, owner, token });
  const holder = () => lock.query("holder", { name });
  const passes = async (ms: number): Promise<void> => {
    lock.passes(ms);
    await lock.tick();
  };

  test("one owner has it, and the others hear that they do not", async () => {
    expect(await holder()).toBeNull();
    expect(await acquire("a")).toMatchObject({ held: true, token: 1, place: null });
    expect(await acquire("b")).toEqual({ held: false, token: null, untilMs: null, place: null });
    expect(await holder()).toMatchObject({ owner: "a", token: 1, waiters: [] });
  });

  test("its holder that asks again keeps its token, and the lease that it asks for begins anew", async () => {
    const first = await acquire("a", 100);
    lock.passes(50);
    const again = await acquire("a", 100);
    expect(again.token).toBe(first.token);
    expect(again.untilMs).toBe(first.untilMs! + 51);
  });

  test("a lease ends without a command, and the next holder has a higher token", async () => {
    await acquire("a", 100);
    await passes(98);
    expect(await holder()).toMatchObject({ owner: "a" });
    await passes(0);
    expect(await holder()).toBeNull();
    expect((await acquire("b")).token).toBe(2);
  });

  test("a lease has ended for a command that comes behind its time, without a tick", async () => {
    await acquire("a", 100);
    lock.passes(99);
    expect(await acquire("b")).toMatchObject({ held: true, token: 2 });
    expect(await renew("a", 1)).toMatchObject({ held: false });
    expect(await release("a", 1)).toEqual({ released: false });
  });

  test("a lease is renewed by its holder with its token alone", async () => {
    await acquire("a", 100);
    expect(await renew("b", 1)).toMatchObject({ held: false });
    expect(await renew("a", 2)).toMatchObject({ held: false });
    expect(await renew("a", 1, 500)).toMatchObject({ held: true, token: 1 });
    await passes(400);
    expect(await holder()).toMatchObject({ owner: "a" });
    await passes(100);
    expect(await holder()).toBeNull();
  });

  test("tokens grow over all locks, also when a lock was free in between", async () => {
    const tokens: (number | null)[] = [];
    for (const each of ["x", "y", "x"]) {
      const { token } = (await lock.command("acquire", { name: each, owner: "a", leaseMs: 10 })) as Told;
      tokens.push(token);
      await passes(10);
    }
    expect(tokens).toEqual([1, 2, 3]);
  });

  describe("those that wait", () => {
    test("get it in the order in which they came, each with a token of its own", async () => {
      await acquire("a");
      expect(await acquire("b", 1000, 5000)).toMatchObject({ held: false, place: 1 });
      expect(await acquire("c", 1000, 5000)).toMatchObject({ held: false, place: 2 });
      expect(await acquire("b", 1000, 5000)).toMatchObject({ held: false, place: 1 });
      expect(await holder()).toMatchObject({ owner: "a", waiters: ["b", "c"] });
      expect(await release("a", 1)).toEqual({ released: true });
      expect(await holder()).toMatchObject({ owner: "b", token: 2, waiters: ["c"] });
      expect(await acquire("b")).toMatchObject({ held: true, token: 2 });
      expect(await acquire("a", 1000, 5000)).toMatchObject({ held: false, place: 2 });
      await passes(1000);
      expect(await holder()).toMatchObject({ owner: "c", token: 3, waiters: ["a"] });
    });

    test("have a lease from the moment in which they get it", async () => {
      await acquire("a", 100);
      await acquire("b", 50, 5000);
      await passes(98);
      expect(await holder()).toMatchObject({ owner: "b" });
      await passes(48);
      expect(await holder()).toMatchObject({ owner: "b" });
      await passes(1);
      expect(await holder()).toBeNull();
    });

    test("lose their place when their time is over, unless they ask again", async () => {
      await acquire("a", 1000);
      await acquire("b", 1000, 100);
      await acquire("c", 1000, 100);
      lock.passes(50);
      await acquire("c", 1000, 100);
      await passes(50);
      expect(await holder()).toMatchObject({ owner: "a", waiters: ["c"] });
      await acquire("c");
      await passes(50);
      expect(await holder()).toMatchObject({ owner: "a", waiters: [] });
    });

    test("may leave", async () => {
      await acquire("a");
      await acquire("b", 1000, 5000);
      expect(await lock.command("leave", { name, owner: "b" })).toEqual({ left: true });
      expect(await lock.command("leave", { name, owner: "b" })).toEqual({ left: false });
      expect(await lock.command("leave", { name: "other", owner: "b" })).toEqual({ left: false });
      await release("a", 1);
      expect(await holder()).toBeNull();
    });

    test("are at most a hundred", async () => {
      await acquire("a");
      for (let nth = 0; nth < 100; nth++) await acquire(`w${nth}`, 1000, 100_000);
      expect(await lock.command("acquire", { name, owner: "b", leaseMs: 1, waitMs: 1 })).toBe(
        "rejected: 100 wait for it already",
      );
      expect(await acquire("w7", 1000, 100_000)).toMatchObject({ place: 8 });
    });
  });

  test("a snapshot brings back holders, tokens, waiters and times", async () => {
    await acquire("a", 100);
    await acquire("b", 1000, 5000);
    await lock.command("acquire", { name: "gone", owner: "a", leaseMs: 1 });
    await passes(1);
    const snapshot = await lock.machine.snapshot();
    const chunks = (async function* () {
      for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) yield chunk;
    })();
    const other = await open("lock");
    await other.machine.restore(chunks, null);
    expect(await other.query("holder", { name })).toEqual(await holder());
    other.passes(200);
    await other.tick();
    expect(await other.query("holder", { name })).toMatchObject({ owner: "b", token: 3 });
    await other.close();
  });
});
