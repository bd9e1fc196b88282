// Where a client is sent that asks for the leader: to the address of the configuration, and to the one that the leader says itself,
// when it has moved and the configuration does not know yet.
import { expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { withAnnounced } from "../../src/node/leader-address.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { Cluster } from "./cluster.ts";

const peer = { address: "n2.test:1", reachable: true, reason: null, version: null };
const node = {
  state: { self: toMemberKey("n1", "a") },
  options: { address: "n1.test:1" },
  peers: () => [
    { ...peer, id: "n2", announced: "moved.test:2" },
    { ...peer, id: "n3", address: "n3.test:1", announced: "n3.test:1" },
    { ...peer, id: "n4", address: "n4.test:1", announced: null },
  ],
};
const done = (id: string, address: string): ClientReply => ({ kind: "done", id: 1, leader: { id, address } });

test("a leader that has moved is named with both of its addresses", () => {
  expect(withAnnounced(done("n2", "n2.test:1"), node)).toEqual({
    kind: "done",
    id: 1,
    leader: { id: "n2", address: "n2.test:1", announced: "moved.test:2" },
  });
  expect(withAnnounced(done("n1", "old.test:1"), node)).toMatchObject({ leader: { announced: "n1.test:1" } });
});

test("one that is where the configuration has it, or has said nothing, is named as it is", () => {
  const replies = [done("n1", "n1.test:1"), done("n3", "n3.test:1"), done("n4", "n4.test:1"), done("n9", "n9.test:1")];
  const others: readonly ClientReply[] = [
    { kind: "done", id: 1, leader: null },
    { kind: "sessionOpened", id: 1, session: 2 },
  ];
  for (const reply of [...replies, ...others]) expect(withAnnounced(reply, node)).toBe(reply);
});

test("a node that leads at another address than before says so in its status", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const disk = await cluster.crash("n1");
  await cluster.start("n1", { disk, address: "moved.test:7400" });
  await cluster.until("it leads again", () => cluster.member("n1").node.state.role.kind === "leader");
  const client = cluster.client("n1");
  client.send((id) => ({ kind: "status", id }));
  await cluster.settle();
  expect(client.raw).toMatchObject([{ leader: { id: "n1", address: "n1.test:7400", announced: "moved.test:7400" } }]);
  await cluster.stopAll();
});
