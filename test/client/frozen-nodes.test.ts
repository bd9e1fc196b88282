// How long a view of the cluster takes while nodes give no answer: a second at the most, as long as one node answers.
import { describe, expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import { viewCluster } from "../../src/client/cluster-view.ts";
import { viewMembers } from "../../src/client/members.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";
import { statusRow } from "./status-row.ts";

const addresses = ["n1:1", "n2:1", "n3:1"];
const leader = { id: "n1", address: "n1:1" };
const nodes = ["n1", "n2", "n3"].map((id) => statusRow(id));
const status = {
  cluster: "c",
  clusterUuid: "c1",
  node: "n1",
  leader,
  term: 1,
  commitIndex: 1,
  agreesThrough: null,
  plugin: null,
  nodes,
  waitingFor: [],
};
/** The one that answers was removed, so that its list is not taken for the latest. */
const configuration = { clusterUuid: "c1", node: "n1", incarnation: "a", removed: true, index: 1 };
const members = nodes.map(({ id, address }) => ({
  id,
  address,
  incarnation: "a",
  voter: true,
  outgoing: false,
  priority: 0,
}));

function answerTo({ id, kind }: ClientRequest): ClientReply {
  return kind === "status"
    ? { kind: "status", id, ...status }
    : { kind: "configuration", id, ...configuration, members, pending: [], committed: true };
}

/** Two of the three are frozen: their connections stand. */
function setUp(): { readonly time: PlayedTime; readonly client: GraftClient } {
  const time = new PlayedTime();
  const client = new GraftClient({
    addresses,
    clock: time,
    session: "none",
    dial: async (address, { onReply }) => ({
      clusterUuid: "c1",
      close: () => {},
      send: (request) => {
        if (address === "n1:1") queueMicrotask(() => onReply(answerTo(request)));
      },
    }),
  });
  return { time, client };
}

const views = [
  ["the status", async (client: GraftClient, ms: number) => (await viewCluster(client, ms)).clusterUuid],
  ["the list of members", async (client: GraftClient, ms: number) => (await viewMembers(client, ms)).clusterUuid],
] as const;

describe.each(views)("%s", (_, view) => {
  test.each([
    [60_000, 1_000],
    [300, 300],
  ])("takes with %d ms no more than %d, and a moment", async (timeoutMs, mostMs) => {
    const { time, client } = setUp();
    const beganMs = time.nowMs();
    expect(await time.until(view(client, timeoutMs))).toBe("c1");
    expect(time.nowMs() - beganMs).toBeLessThan(mostMs + 100);
    await client.close();
  });
});

test("the only node, which has been silent for longer than another one would have been waited for, is asked again after it was lost", async () => {
  const time = new PlayedTime();
  const dialled: number[] = [];
  const client = new GraftClient({
    addresses: ["n1:1"],
    clock: time,
    session: "none",
    dial: async (_, { onReply, onClosed }) => {
      dialled.push(time.nowMs());
      const isFrozen = dialled.length === 1;
      if (isFrozen) time.at(time.nowMs() + 5_000, () => onClosed({ kind: "lost", reason: "the node was killed" }));
      const send = (request: ClientRequest): void =>
        void (isFrozen || queueMicrotask(() => onReply(answerTo(request))));
      return { clusterUuid: "c1", close: () => {}, send };
    },
  });
  const beganMs = time.nowMs();
  expect((await time.until(client.status(null, { timeoutMs: 30_000 }))).node).toBe("n1");
  expect(time.nowMs() - beganMs).toBeLessThan(6_000);
  expect(dialled).toHaveLength(2);
  await client.close();
});
