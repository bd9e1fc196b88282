// Which part of the node hears what, with which of the arguments, and what the log says of it.
import { expect, test } from "bun:test";
import { Incoming } from "../../src/node/incoming.ts";
import type { NodeParts } from "../../src/node/node-parts.ts";
import type { RequestTarget } from "../../src/node/requests.ts";
import type { NodeMessage } from "../../src/ports/node-messages.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import type { BulkLink, ClientConnection } from "../../src/ports/transport.ts";
import { genesisOf, n1, n2, voteReply } from "../core/say.ts";
import { soundCondition as condition } from "./sound-condition.ts";

function setUp() {
  const calls: unknown[][] = [];
  const recorded =
    (name: string) =>
    (...given: unknown[]) =>
      void calls.push([name, ...given]);
  const parts = {
    loop: { arrive: recorded("loop") },
    membership: {
      onPeerConnected: recorded("membership connected"),
      onPeerDisconnected: recorded("membership disconnected"),
      onMessage: recorded("membership message"),
    },
    fitness: {
      onPeerConnected: recorded("fitness connected"),
      onPeerDisconnected: recorded("fitness disconnected"),
      onCondition: recorded("fitness condition"),
    },
    copies: { onPeerConnected: recorded("copies connected"), onMessage: recorded("copies message") },
    snapshots: { onBulk: recorded("bulk") },
  } as unknown as NodeParts;
  const requests = { description: { name: "notes", version: "2", style: "raw", commands: [], queries: [] } };
  const logger = { enabled: () => true, log: recorded("log") };
  const incoming = new Incoming(parts, requests as unknown as RequestTarget, logger);
  return { incoming, calls };
}

const peer = { id: "n2", incarnation: "disk2", bootId: "boot" };

test("a peer that connects is announced to all who care, whatever it says of the cluster", () => {
  for (const affiliation of [genesisOf(n1, n2), "founding", "joining"] as const) {
    const { incoming, calls } = setUp();
    incoming.onPeerConnected(peer, affiliation);
    expect(calls).toEqual([
      ["log", "info", "peer connected", { peer: "n2" }, "connected n2"],
      ["membership connected", peer],
      ["fitness connected", peer],
      ["copies connected", peer],
      ["loop", { kind: "peerConnected", peer, affiliation }],
    ]);
  }
});

test("what is said of copies of the state machine is for the part that compares them", () => {
  const { incoming, calls } = setUp();
  const message = { kind: "copyAsk", term: 2, at: 8 } as const;
  incoming.onMessage(n2, message);
  expect(calls).toEqual([["copies message", n2, message]]);
});

test("the end of a connection is no event of the core", () => {
  const { incoming, calls } = setUp();
  incoming.onPeerDisconnected(peer, "it is stopping");
  expect(calls).toEqual([
    ["log", "info", "peer disconnected", { peer: "n2", reason: "it is stopping" }, "disconnected n2"],
    ["membership disconnected", peer],
    ["fitness disconnected", peer],
  ]);
});

test("the end of a process is one of the core alone, which knows it by name and incarnation", () => {
  const { incoming, calls } = setUp();
  incoming.onPeerCrashed(peer);
  expect(calls).toEqual([
    ["log", "info", "peer has crashed", { peer: "n2" }, "crashed n2"],
    ["loop", { kind: "peerCrashed", peer: n2 }],
  ]);
});

test("each message goes to one part", () => {
  const { incoming, calls } = setUp();
  const ofNodes: readonly NodeMessage[] = [
    { kind: "reachRequest", id: 1, node: "n3", address: "n3:1", timeoutMs: 5 },
    { kind: "reachReply", id: 1, reach: { kind: "unreachable", reason: "refused" } },
    { kind: "memberList", index: 3, members: [] },
  ];
  for (const message of ofNodes) incoming.onMessage(n2, message);
  incoming.onMessage(n2, { kind: "condition", condition });
  incoming.onMessage(n2, voteReply(3, true));
  incoming.onPartReceived(n2);
  expect(calls).toEqual([
    ...ofNodes.map((message) => ["membership message", n2, message]),
    ["fitness condition", n2, condition],
    ["loop", { kind: "message", from: n2, message: voteReply(3, true) }],
    ["loop", { kind: "partReceived", from: n2 }],
  ]);
});

test("a connection for bulk and a request of a client go on as they are", () => {
  const { incoming, calls } = setUp();
  const link = {} as BulkLink;
  incoming.onBulk(peer, link);
  expect(calls).toEqual([["bulk", peer, link]]);
  const replies: ClientReply[] = [];
  const client = { reply: (reply: ClientReply) => void replies.push(reply) } as unknown as ClientConnection;
  incoming.onRequest({ kind: "describe", id: 9 }, client);
  expect(replies).toMatchObject([{ kind: "describe", id: 9, name: "notes" }]);
});
