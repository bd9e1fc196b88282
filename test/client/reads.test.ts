// Whom does a client ask what it only wants to know? The leader, or any node in turn; and what does it do when one cannot say?
import { expect, test } from "bun:test";
import { GraftClient, type ClientOptions } from "../../src/client/client.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

const payload = new Uint8Array([1]);
const addresses = ["a:1", "b:1", "c:1"];

/** Three nodes; what those in `mute` are asked they refuse. */
function cluster(
  options: Partial<ClientOptions> = {},
  mute: Readonly<Record<string, "not-leader" | "unavailable">> = {},
) {
  const taken: string[] = [];
  const answer = (address: string, request: ClientRequest, { onReply }: LinkHandlers): void => {
    const code = mute[address];
    const { id } = request;
    if (code === undefined) onReply({ kind: "result", id, payload, index: 5, term: 2, stalenessMs: 7 });
    else
      onReply({
        kind: "error",
        id,
        code,
        message: code,
        leader: code === "unavailable" ? null : { id: "c", address: "c:1" },
      });
  };
  const dial: Dial = async (address, handlers) => ({
    send: (request) => {
      taken.push(`${address} ${request.kind === "query" ? request.consistency : request.kind}`);
      queueMicrotask(() => answer(address, request, handlers));
    },
    clusterUuid: "c1",
    close: () => handlers.onClosed({ kind: "lost", reason: "closed" }),
  });
  const time = new PlayedTime();
  return { client: new GraftClient({ addresses, dial, clock: time, session: "none", ...options }), taken, time };
}

test("linearizable queries go to the leader that is known, stale ones to every node in turn", async () => {
  const { client, taken } = cluster();
  await client.command(payload);
  for (let turn = 0; turn < 3; turn++) await client.query(payload);
  for (let turn = 0; turn < 4; turn++) await client.query(payload, { consistency: "stale" });
  expect(taken).toEqual([
    "a:1 command",
    ...Array.from({ length: 3 }, () => "a:1 linearizable"),
    ...["a:1", "b:1", "c:1", "a:1"].map((address) => `${address} stale`),
  ]);
  await client.close();
});

test("readFrom any spreads linearizable queries over the nodes, and leaves commands with the leader", async () => {
  const { client, taken } = cluster({ readFrom: "any" });
  await client.command(payload);
  for (let turn = 0; turn < 3; turn++) await client.query(payload);
  await client.command(payload);
  expect(taken).toEqual(["a:1 command", "a:1 linearizable", "b:1 linearizable", "c:1 linearizable", "a:1 command"]);
  await client.close();
});

test("a node that answers a query is not taken for the leader", async () => {
  const { client, taken } = cluster({}, { "b:1": "not-leader" });
  await client.query(payload);
  await client.query(payload, { consistency: "stale" });
  await client.query(payload, { consistency: "stale" });
  await client.command(payload);
  // b refused, and named c.
  expect(taken).toEqual(["a:1 linearizable", "a:1 stale", "b:1 stale", "c:1 stale", "c:1 command"]);
  await client.close();
});

test("a node whose state is too old is passed over for one whose state is not", async () => {
  const { client, taken, time } = cluster({}, { "a:1": "unavailable", "b:1": "unavailable" });
  const result = await time.until(client.query(payload, { consistency: "stale", maxStalenessMs: 50 }));
  expect(result.stalenessMs).toBe(7);
  expect(taken.at(-1)).toBe("c:1 stale");
  await client.close();
});

test("a bound without a stale query, and one that is none, are mistakes of the caller", async () => {
  const { client, taken } = cluster();
  const codeOf = (asked: Promise<unknown>): Promise<unknown> => asked.catch((error: unknown) => error);
  for (const options of [{ maxStalenessMs: 5 }, { consistency: "stale", maxStalenessMs: 1.5 } as const]) {
    const error = await codeOf(client.query(payload, options));
    expect(error instanceof GraftError && error.code).toBe("usage");
  }
  expect(taken).toEqual([]);
  await client.close();
});
