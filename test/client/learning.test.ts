// A client that is at work learns who the members are, whatever one attempt at it comes to.
import { expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import type { LinkHandlers } from "../../src/client/connection.ts";
import type { ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

type Configuration = Extract<ClientRequest, { readonly kind: "configuration" }>;
type Answer = (request: Configuration, handlers: LinkHandlers) => void;

const member = { incarnation: "a", voter: true, outgoing: false, priority: 0 };
/** The second one is a learner. */
const members = ["l:1", "m:1"].map((address, at) => ({ id: `n${at}`, address, ...member, voter: at === 0 }));
/** Of a time before this node was removed. */
const former = [{ id: "x", address: "x:1", ...member }];
const own = { clusterUuid: "c1", node: "n0", incarnation: "a", removed: false };

const tells: Answer = ({ id }, { onReply }) =>
  onReply({ kind: "configuration", id, ...own, index: 3, members, pending: [], committed: true });

const failures: readonly (readonly [string, Answer])[] = [
  [
    "fails on the node",
    ({ id }, { onReply }) =>
      onReply({ kind: "error", id, code: "state-machine", message: "it has stopped", leader: null }),
  ],
  ["is not answered", () => {}],
  ["is cut with the connection", (_, { onClosed }) => onClosed({ kind: "lost", reason: "connection reset" })],
  [
    "is answered by a node that is no member",
    ({ id }, { onReply }) =>
      onReply({ kind: "configuration", id, ...own, index: 3, members: former, pending: [], committed: true }),
  ],
];

test.each(failures)("when it %s, it is tried again", async (_, fails) => {
  const time = new PlayedTime();
  let attempts = 0;
  const client = new GraftClient({
    addresses: ["l:1"],
    clock: time,
    session: "none",
    dial: async (_address, handlers) => ({
      clusterUuid: "c1",
      close: () => {},
      send: (request) =>
        queueMicrotask(() => {
          if (request.kind === "configuration") return (++attempts === 1 ? fails : tells)(request, handlers);
          const { id } = request;
          handlers.onReply({ kind: "result", id, payload: new Uint8Array(), index: 5, term: 2, stalenessMs: null });
        }),
    }),
  });
  for (let commands = 0; commands < 100 && !client.addresses.includes("m:1"); commands++) {
    await time.until(client.query(new Uint8Array()));
    await time.pass(100);
    expect(client.addresses).not.toContain("x:1");
  }
  expect([attempts, client.addresses]).toEqual([2, ["l:1", "m:1"]]);
  await client.close();
});

test.each([
  ["while a node answers, about once a second", tells, 8, 10],
  ["while none answers, one at a time", () => {}, 4, 5],
] as const)("%s", async (_, answer: Answer, least, most) => {
  const time = new PlayedTime();
  let attempts = 0;
  const client = new GraftClient({
    addresses: ["l:1"],
    clock: time,
    session: "none",
    dial: async (_address, handlers) => ({
      clusterUuid: "c1",
      close: () => {},
      send: (request) =>
        queueMicrotask(() => {
          const { id } = request;
          if (request.kind === "configuration") {
            attempts++;
            return answer(request, handlers);
          }
          handlers.onReply({ kind: "result", id, payload: new Uint8Array(), index: 5, term: 2, stalenessMs: null });
        }),
    }),
  });
  while (time.passedMs < 10_000) {
    await client.query(new Uint8Array());
    await time.pass(50);
  }
  expect(attempts).toBeGreaterThanOrEqual(least);
  expect(attempts).toBeLessThanOrEqual(most);
  await client.close();
});
