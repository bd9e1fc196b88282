// Snapshots of the shipped plugins, in both hosts: what comes back, and that it stays what it was while commands go on.
import { afterEach, describe, expect, test } from "bun:test";
import type { StateSnapshot } from "../../src/ports/state-machine.ts";
import { hosts, type Session } from "./hosts.ts";

const opened: Session[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((session) => session.close()));
});

async function readAll(snapshot: StateSnapshot, meanwhile = async (): Promise<void> => {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) {
    chunks.push(chunk);
    await meanwhile();
  }
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe.each(hosts)("snapshots of what ships with Graft (%s)", (_, start) => {
  const open = async (plugin: string): Promise<Session> => {
    const session = await start(plugin);
    opened.push(session);
    return session;
  };

  test("kv: keys, values and their order come back, while the first one goes on", async () => {
    const kv = await open("kv");
    const value = crypto.getRandomValues(new Uint8Array(3000));
    const names = Array.from({ length: 300 }, (__, nth) => `key ${(nth * 7919) % 1000}`);
    for (const key of names) await kv.command("put", { key, value });
    await kv.command("delete", { key: names[5]! });
    const snapshot = await kv.machine.snapshot();
    const changes = [
      ...names.slice(0, 100).map((key) => () => kv.command("put", { key, value: "changed" })),
      ...names.slice(100, 200).map((key) => () => kv.command("delete", { key })),
      () => kv.command("put", { key: "new", value }),
    ];
    // Some with every chunk: whatever they write must not get into it.
    const bytes = await readAll(snapshot, async () => {
      for (const change of changes.splice(0, 70)) await change();
    });
    expect(changes).toEqual([]);

    const other = await open("kv");
    await other.command("put", { key: "gone", value: "" });
    await other.machine.restore(once(bytes), null);
    const keys = names.filter((name) => name !== names[5]).sort();
    expect(await other.query("list", { limit: 1000 })).toEqual({ keys, more: false });
    for (const key of keys) expect(await other.query("get", { key })).toEqual(value);
    expect(Buffer.compare(await readAll(await other.machine.snapshot()), bytes)).toBe(0);
    expect(await kv.query("get", { key: names[0]! })).toEqual(new Uint8Array(Buffer.from("changed")));
    expect(await kv.query("get", { key: names[150]! })).toBeNull();
  });

  test("kv: keys that expire come back with their time, and others without one", async () => {
    const kv = await open("kv");
    await kv.command("put", { key: "a", value: "1", ttlMs: 1000 });
    await kv.command("put", { key: "b", value: "2" });
    const bytes = await readAll(await kv.machine.snapshot());
    const other = await open("kv");
    await other.machine.restore(once(bytes), null);
    expect(Buffer.compare(await readAll(await other.machine.snapshot()), bytes)).toBe(0);
    other.passes(1000);
    expect(await other.tick()).toBeNull();
    expect(await other.query("list", {})).toEqual({ keys: ["b"], more: false });
  });

  test("kv: two copies that took their snapshots at different moments are the same", async () => {
    const copies = [await open("kv"), await open("kv")] as const;
    const step = async (nth: number): Promise<void> => {
      const key = `k${(nth * 31) % 50}`;
      for (const copy of copies) {
        if (nth % 3 === 0) await copy.command("delete", { key });
        else await copy.command("put", { key, value: String(nth) });
      }
    };
    for (let nth = 0; nth < 400; nth++) {
      await step(nth);
      if (nth % 90 === 10) await readAll(await copies[0].machine.snapshot());
      if (nth % 70 === 40) (await copies[1].machine.snapshot()).close();
    }
    const [one, other] = await Promise.all(copies.map(async ({ machine }) => readAll(await machine.snapshot())));
    expect(Buffer.compare(one!, other!)).toBe(0);
  });

  test("counter: the value comes back, beyond what a number holds", async () => {
    const counter = await open("counter");
    for (let time = 0; time < 20; time++) await counter.commandBytes(Buffer.from("add -999999999999999999"));
    const other = await open("counter");
    await other.machine.restore(once(await readAll(await counter.machine.snapshot())), null);
    const outcome = await other.queryBytes(new Uint8Array());
    expect(outcome.kind === "ok" && Buffer.from(outcome.payload).toString()).toBe("-19999999999999999980");
  });
});
