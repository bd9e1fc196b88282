// A node with a certificate of the cluster lies to the compiled binary: one that was never added, and one that is a member. No process
// ends, nobody follows the stranger, and the clients go on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { issueInto } from "../../src/adapters/certs/folder.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { createTlsTransport, type TlsTransport } from "../../src/adapters/tls/transport.ts";
import { type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import { stampMsMax } from "../../src/core/entry.ts";
import { type Genesis, genesisIn } from "../../src/core/genesis.ts";
import type { AppendEntries, Message } from "../../src/core/messages.ts";
import { accepted, append, at } from "../core/say.ts";
import { TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;
const liars: TlsTransport[] = [];
beforeAll(async () => {
  cluster = await TestCluster.start();
  await issueInto(join(cluster.layout.dir, "certs"), {
    nodes: ["n8", "n9"].map((id) => ({ id, hosts: ["127.0.0.1"] })),
  });
});
afterAll(async () => {
  for (const liar of liars) await liar.stop(0);
  await cluster.remove();
});

interface Liar {
  /** Those that it is connected with, by id. */
  readonly connected: Map<string, MemberKey>;
  readonly heard: AppendEntries[];
  /** Whose connections have ended, in order. */
  readonly closed: string[];
  genesis: Genesis | null;
  tell(id: string, message: Message): void;
}

/** A process under the name of a node, which says what the test wants. */
async function liarAs(id: string, incarnation: string): Promise<Liar> {
  const read = (name: string): string => readFileSync(join(cluster.layout.dir, "certs", name), "utf8");
  const transport = createTlsTransport({
    self: { id, incarnation, bootId: randomUUID(), address: "127.0.0.1:1" },
    cluster: "test",
    listen: "127.0.0.1:0",
    tls: { ca: read("ca.crt"), cert: read(`${id}.crt`), key: read(`${id}.key`) },
    admins: [],
    software: "liar",
    machine: "kv",
    openFilesMax: null,
    clock: systemClock,
    logger: { enabled: () => false, log: () => {} },
  });
  liars.push(transport);
  const liar: Liar = {
    connected: new Map(),
    heard: [],
    closed: [],
    genesis: null,
    tell(to, message) {
      const key = this.connected.get(to);
      if (key !== undefined) transport.send(key, message);
      transport.flush();
    },
  };
  await transport.start({
    onPeerConnected: (peer, affiliation) => {
      liar.connected.set(peer.id, toMemberKey(peer.id, peer.incarnation));
      liar.genesis = genesisIn(affiliation);
    },
    onPeerDisconnected: (peer) => {
      liar.connected.delete(peer.id);
      liar.closed.push(peer.id);
    },
    onPeerCrashed: () => {},
    onMessage: (_, message) => {
      if (message.kind === "appendEntries") liar.heard.push(message);
    },
    onPartReceived: () => {},
    onBulk: (_, link) => link.close("not here"),
    onRequest: () => {},
  });
  transport.setPeers(cluster.layout.nodes.filter((node) => node.id !== id));
  return liar;
}

async function put(key: string): Promise<void> {
  const ran = await cluster.graft(["execute", "command", "put", JSON.stringify({ key, value: "1" })]);
  expect(ran).toMatchObject({ exitCode: 0 });
}

test("P66: a node that was never added does not lead at a moment without a leader", async () => {
  const stranger = await liarAs("n9", "disk9");
  const leader = await cluster.leader();
  const survivors = await cluster.followers();
  await until("the stranger is connected", () => survivors.every((id) => stranger.connected.has(id)));
  const { term, commitIndex } = await cluster.view();
  await cluster.process(leader).kill();
  // It claims the next terms, with an entry behind everything there is, as fast as it can, until there is a leader.
  const over = new AbortController();
  const lying = (async () => {
    for (let claim = term + 1; !over.signal.aborted; claim = claim > term + 20 ? term + 1 : claim + 1) {
      const last = at(commitIndex, term);
      const entry: Entry = { kind: "noop", index: last.index + 1, term: claim, stampMs: Date.now() };
      for (const id of survivors) stranger.tell(id, append({ term: claim, prev: last, entries: [entry] }));
      await Bun.sleep(1);
    }
  })();
  const next = await until("another one leads", async () => {
    const { leader: found } = await cluster.view();
    return found !== null && found.id !== leader && found.id;
  });
  await put("after");
  over.abort();
  await lying;
  expect(survivors).toContain(next);
  cluster.run(leader);
  await cluster.caughtUp();
});

test("P65: lies of a member end no process, and a stamp at the end of its range is not taken", async () => {
  const leader = await cluster.leader();
  const [victim = "", follower = ""] = await cluster.followers();
  const stranger = await liarAs("n8", "disk8");
  const genesis = await until("the genesis is known", () => stranger.genesis);
  const key = genesis.members.find((member) => nodeIdOf(member.key) === victim)!.key;
  await cluster.process(victim).kill();
  const liar = await liarAs(victim, key.slice(key.indexOf("@") + 1));
  const connected = () => liar.connected.has(leader) && liar.connected.has(follower);
  await until("the leader sends entries", () => connected() && liar.heard.length > 0);
  const { term, prev } = liar.heard.at(-1)!;
  const late: Entry = { kind: "noop", index: prev.index + 1, term: term + 1, stampMs: stampMsMax };
  const lies: readonly (readonly [string, Message])[] = [
    [leader, accepted(term, 2 ** 40)],
    [leader, append({ term, prev })],
    [follower, append({ term, prev })],
    [follower, append({ term: term + 1, prev: at(1, 99), entries: [] })],
    [follower, append({ term: term + 1, prev, entries: [late] })],
  ];
  for (const [to, lie] of lies) {
    await until("it is connected", connected);
    const closedBefore = liar.closed.filter((id) => id === to).length;
    liar.tell(to, lie);
    await until(`${to} closes its connection`, () => liar.closed.filter((id) => id === to).length > closedBefore);
  }
  await put("afterwards");
  for (const id of [leader, follower]) {
    expect(cluster.logOf(id)).toContain("a peer has sent what no honest node sends");
    expect(cluster.process(id).isRunning).toBe(true);
  }
});
