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
