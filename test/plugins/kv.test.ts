// The key-value store, in both hosts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { CborValue } from "../../src/adapters/cbor/value.ts";
import { hosts, type Session } from "./hosts.ts";

describe.each(hosts)("kv (%s)", (_, open) => {
  let kv: Session;
  beforeEach(async () => {
    kv = await open("kv");
  });
  afterEach(() => kv.close());

  const get = (key: string) => kv.query("get", { key });
  const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));

  test("put says whether the key is new, get gives the bytes, a missing key is null", async () => {
    expect(await get("a")).toBeNull();
    expect(await kv.command("put", { key: "a", value: "1" })).toEqual({ created: true });
    expect(await kv.command("put", { key: "a", value: "2" })).toEqual({ created: false });
    expect(await get("a")).toEqual(bytesOf("2"));
  });

  test("values are bytes, however they are written", async () => {
    const value = crypto.getRandomValues(new Uint8Array(70_000));
    await kv.command("put", { key: "bytes", value });
    await kv.command("put", { key: "base64", value: { base64: Buffer.from(value).toString("base64") } });
    await kv.command("put", { key: "empty", value: "" });
    expect(await get("bytes")).toEqual(value);
    expect(await get("base64")).toEqual(value);
    expect(await get("empty")).toEqual(new Uint8Array());
  });

  test("delete says whether the key was there", async () => {
    await kv.command("put", { key: "a", value: "1" });
    expect(await kv.command("delete", { key: "a" })).toEqual({ deleted: true });
    expect(await kv.command("delete", { key: "a" })).toEqual({ deleted: false });
    expect(await get("a")).toBeNull();
    expect(await kv.query("list", {})).toEqual({ keys: [], more: false });
  });

  test("cas changes what is as expected, and tells what is there", async () => {
    const cas = (expected: CborValue, value: CborValue) => kv.command("cas", { key: "a", expected, value });
    expect(await cas("1", "2")).toEqual({ swapped: false, current: null });
    expect(await cas(null, "1")).toEqual({ swapped: true, current: bytesOf("1") });
    expect(await cas(null, "2")).toEqual({ swapped: false, current: bytesOf("1") });
    expect(await cas("12", "2")).toEqual({ swapped: false, current: bytesOf("1") });
    expect(await cas("1", "2")).toEqual({ swapped: true, current: bytesOf("2") });
    expect(await get("a")).toEqual(bytesOf("2"));
    expect(await cas("2", null)).toEqual({ swapped: true, current: null });
    expect(await get("a")).toBeNull();
    expect(await cas(null, null)).toEqual({ swapped: true, current: null });
    expect(await kv.query("list", {})).toEqual({ keys: [], more: false });
  });

  test("list gives the keys of a prefix in order, a page at a time", async () => {
    for (const key of ["user/3", "user/1", "users", "a", "user/2", "user0", "z"]) {
      await kv.command("put", { key, value: "" });
    }
    const list = (input: CborValue) => kv.query("list", input);
    expect(await list({ prefix: "user/" })).toEqual({ keys: ["user/1", "user/2", "user/3"], more: false });
    expect(await list({})).toEqual({ keys: ["a", "user/1", "user/2", "user/3", "user0", "users", "z"], more: false });
    expect(await list({ prefix: "user/", limit: 2 })).toEqual({ keys: ["user/1", "user/2"], more: true });
    expect(await list({ prefix: "user/", limit: 2, after: "user/2" })).toEqual({ keys: ["user/3"], more: false });
    expect(await list({ prefix: "user/", limit: 3 })).toEqual({ keys: ["user/1", "user/2", "user/3"], more: false });
    expect(await list({ prefix: "user/", after: "user/25" })).toEqual({ keys: ["user/3"], more: false });
    expect(await list({ prefix: "user/", after: "z" })).toEqual({ keys: [], more: false });
    expect(await list({ prefix: "nobody" })).toEqual({ keys: [], more: false });
  });

  describe("a key with a time to live", () => {
    const put = (key: string, value: string, ttlMs?: number) =>
      kv.command("put", { key, value, ...(ttlMs !== undefined && { ttlMs }) });
    const keys = async () => ((await kv.query("list", {})) as { readonly keys: readonly string[] }).keys;

    test("is there until its time, and gone from then on, in a quiet cluster by a tick", async () => {
      await put("a", "1", 100);
      await put("b", "2", 50);
      kv.passes(48);
      expect(await kv.tick()).toBe(1);
      expect(await keys()).toEqual(["a", "b"]);
      expect(await kv.tick()).toBe(49);
      expect(await keys()).toEqual(["a"]);
      expect(await get("b")).toBeNull();
      kv.passes(48);
      expect(await kv.tick()).toBeNull();
      expect(await keys()).toEqual([]);
    });

    test("is gone for a command that comes behind its time, without a tick", async () => {
      await put("a", "1", 100);
      kv.passes(99);
      expect(await put("a", "2")).toEqual({ created: true });
      expect(await kv.tick()).toBeNull();
      expect(await get("a")).toEqual(bytesOf("2"));
    });

    test("lives on when it is put again, as long as that says", async () => {
      await put("a", "1", 10);
      await put("b", "1", 10);
      await put("c", "1", 10);
      await put("a", "2", 1000);
      await put("b", "2");
      await kv.command("cas", { key: "c", expected: "1", value: "2" });
      kv.passes(500);
      await kv.tick();
      expect(await keys()).toEqual(["a", "b", "c"]);
      kv.passes(500);
      expect(await kv.tick()).toBeNull();
      expect(await keys()).toEqual(["b", "c"]);
    });

    test("that is deleted and put again without one stays", async () => {
      await put("a", "1", 10);
      await kv.command("delete", { key: "a" });
      await put("a", "2");
      kv.passes(500);
      await kv.tick();
      expect(await get("a")).toEqual(bytesOf("2"));
    });

    test("comes with cas, too", async () => {
      await kv.command("cas", { key: "a", expected: null, value: "1", ttlMs: 10 });
      kv.passes(10);
      await kv.tick();
      expect(await get("a")).toBeNull();
    });

    test("goes with all others of its time", async () => {
      for (let nth = 0; nth < 600; nth++) await put(`k${nth}`, "", 10_000 + (nth % 3));
      kv.passes(10_003);
      expect(await kv.tick()).toBeNull();
      expect(await keys()).toEqual([]);
    });
  });

  describe("txn", () => {
    const txn = (...changes: readonly CborValue[]) => kv.command("txn", { changes: [...changes] });
    const held = async () => [await get("a"), await get("b"), await get("c")];

    test("changes all keys, or none and tells which hold something else", async () => {
      await kv.command("put", { key: "a", value: "1" });
      expect(
        await txn(
          { key: "a", expected: "1", value: "2" },
          { key: "b", expected: "0", value: "2" },
          { key: "c", value: "2" },
        ),
      ).toEqual({ swapped: false, differ: [{ key: "b", current: null }] });
      expect(await held()).toEqual([bytesOf("1"), null, null]);
      expect(
        await txn(
          { key: "a", expected: "1", value: null },
          { key: "b", expected: null, value: "2" },
          { key: "c", value: "3" },
        ),
      ).toEqual({ swapped: true, differ: [] });
      expect(await held()).toEqual([null, bytesOf("2"), bytesOf("3")]);
    });

    test("compares without a change, and gives a time to live", async () => {
      await kv.command("put", { key: "a", value: "1" });
      expect(await txn({ key: "a", expected: "1" }, { key: "b", value: "2", ttlMs: 10 })).toEqual({
        swapped: true,
        differ: [],
      });
      kv.passes(10);
      await kv.tick();
      expect(await held()).toEqual([bytesOf("1"), null, null]);
    });

    test("has each key once", async () => {
      expect(await txn({ key: "a", value: "1" }, { key: "a", value: "2" })).toBe(
        "rejected: txn: a key may be in it only once",
      );
      expect(await get("a")).toBeNull();
    });
  });

  test.each([
    ["put", { value: "1" }, 'put: key: Invalid key: Expected "key" but received undefined'],
    ["put", { key: "", value: "1" }, "put: key: Invalid length: Expected !0 but received 0"],
    ["put", { key: "a", value: 1 }, 'put: value: Invalid bytes: Expected bytes, a string or {"base64": "…"}'],
    ["put", { key: "a", value: "1", ttl: 5 }, 'put: ttl: Invalid key: Expected never but received "ttl"'],
    ["cas", { key: "a", value: "1" }, 'cas: expected: Invalid key: Expected "expected" but received undefined'],
    ["get", { key: "a" }, "get is a query and not a command"],
  ])("refuses %s %j", async (operation, input: CborValue, message) => {
    expect(await kv.command(operation, input)).toBe(`rejected: ${message}`);
    expect(await kv.query("list", {})).toEqual({ keys: [], more: false });
  });
});
