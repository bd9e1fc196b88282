// What a typed client sends and reads: the names, inputs and results of a plugin.
import { expect, test } from "bun:test";
import type kv from "../../plugins/kv/index.ts";
import { decodeValue, encodeValue } from "../../src/adapters/cbor/value.ts";
import type { GraftClient } from "../../src/client/client.ts";
import { typedClient } from "../../src/client/typed-client.ts";

/** Each call of the client beneath: which one, its payload, its options. */
function setUp(result: Uint8Array) {
  const calls: unknown[] = [];
  const answer =
    (kind: string) =>
    async (payload: Uint8Array, options?: object): Promise<object> => {
      calls.push([kind, decodeValue(payload), options]);
      return { payload: result, index: 7, term: 2, stalenessMs: kind === "query" ? 30 : null };
    };
  const beneath = { command: answer("command"), query: answer("query") } as unknown as GraftClient;
  return { client: typedClient<typeof kv>(beneath), calls };
}

test("a typed client sends [name, input] and reads results; its types are the plugin's", async () => {
  const { client, calls } = setUp(encodeValue({ created: true }));
  const { result, ...put } = await client.command("put", { key: "a", value: "1" }, { timeoutMs: 5 });
  const created: boolean = result.created;
  expect([created, put]).toEqual([true, { index: 7, term: 2, stalenessMs: null }]);
  const { result: value, ...get } = await client.query("get", { key: "a" }, { consistency: "stale" });
  const got: Uint8Array | null = value;
  expect(got).not.toBeNull();
  expect(get).toEqual({ index: 7, term: 2, stalenessMs: 30 });
  expect(calls).toEqual([
    ["command", ["put", { key: "a", value: "1" }], { timeoutMs: 5 }],
    ["query", ["get", { key: "a" }], { consistency: "stale" }],
  ]);
  // @ts-expect-error: there is no such command
  const noCommand = client.command("get", { key: "a" });
  // @ts-expect-error: a key is a text
  const noText = client.query("get", { key: 1 });
  await Promise.all([noCommand, noText]);
});

test("a result that is none is one of what was asked", async () => {
  const { client } = setUp(new Uint8Array([0xff]));
  const lost = (subject: string) => ({ code: "result-lost", subject });
  await expect(client.command("delete", { key: "a" })).rejects.toMatchObject(lost("command"));
  await expect(client.query("get", { key: "a" })).rejects.toMatchObject(lost("query"));
});
