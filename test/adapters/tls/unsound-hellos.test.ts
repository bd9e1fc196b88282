// A hello that is not sound is refused on either side, whoever has dialled, and the words say what does not fit. The other side
// may be an older program, or a liar: that it would refuse in its turn is nothing to rely on.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { Hello, HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { Genesis } from "../../../src/core/genesis.ts";
import { incarnation } from "../../contracts/transport-harness.ts";
import { clientSender, clientTls, hello, nodeSender, nodeTls, TlsNet, until } from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

const members = [{ key: toMemberKey("n1", incarnation), address: "n1.test:7400", priority: 0 }];
const genesisOf = (digit: string): Genesis => ({ clusterUuid: digit.repeat(32), members, foundedAtMs: 1 });
const knowing = (digit: string): HelloSender => ({ ...nodeSender("n2"), genesis: genesisOf(digit) }) as HelloSender;
const unsound: readonly (readonly [string, HelloSender, Partial<Hello>, string])[] = [
  ["another cluster", nodeSender("n2"), { cluster: "prod" }, 'the hello names cluster "prod", this is "demo"'],
  [
    "another id than the certificate's",
    nodeSender("n3"),
    {},
    "the hello claims node n3, the certificate is that of node n2",
  ],
  ["a client's role", clientSender("n2"), {}, "the hello claims client n2, the certificate is that of node n2"],
  [
    "a cluster of the same name",
    knowing("b"),
    {},
    "n2 was founded with another cluster of the same name (bbbbbbbb, this is aaaaaaaa)",
  ],
  ...["kv", "kv22", "KV2"].map(
    (machine) =>
      [
        `the state machine ${machine}`,
        nodeSender("n2"),
        { features: [`machine.${machine}`] },
        `the state machine of n2 is "${machine}", that of n1 "kv2": all nodes of a cluster run the same; correct ` +
          "state_machine.plugin of the one that is wrong",
      ] as const,
  ),
  ["another node meant", nodeSender("n2"), { meant: "n9" }, "this is n1, n9 was meant"],
  [
    "no version in common",
    nodeSender("n2"),
    { versionMin: 3, versionMax: 5 },
    "no protocol version in common: 3–5 there (9.9.9), 2–2 here",
  ],
];

const nodeOfTheCluster = () =>
  net.node("n1", { affiliation: genesisOf("a"), machine: "kv2", limits: { backoffMinMs: 60_000 } });

/** A process with n2's certificate that answers each hello with this one. */
const answering = async (answer: Hello) =>
  Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n2")), requestCert: true },
    socket: { data: (socket) => void socket.write(encodeFrame(answer)) },
  });

describe.each(unsound)("%s", (_, sender, changes, words) => {
  test("is refused when that side has dialled", async () => {
    const node = await nodeOfTheCluster();
    const raw = await net.raw(node, await nodeTls("n2"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(sender, { meant: "n1", ...changes }));
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("peer")).toMatchObject([{ kind: "refused", message: words }]);
    expect(node.heard.story).toEqual([]);
  });

  test("is refused when this side has dialled, as a peer or for a probe", async () => {
    const node = await nodeOfTheCluster();
    using peer = await answering(hello(sender, { meant: "n1", ...changes }));
    const address = `127.0.0.1:${peer.port}`;
    node.transport.setPeers([{ id: "n2", address }]);
    await until(() => node.transport.peers()[0]?.reason !== "not connected yet", "the reason is known");
    expect(node.transport.peers()[0]).toMatchObject({ reachable: false, reason: words });
    expect(await node.transport.reach("n2", address, 5_000)).toEqual({ kind: "unreachable", reason: words });
    expect(node.heard.story).toEqual([]);
  });
});

test("a sound hello of the same cluster and state machine is accepted on either side", async () => {
  const node = await nodeOfTheCluster();
  const sound = hello(knowing("a"), { meant: "n1", features: ["machine.kv2"] });
  using peer = await answering(sound);
  node.transport.setPeers([{ id: "n2", address: `127.0.0.1:${peer.port}` }]);
  await until(() => node.heard.isConnectedTo("n2"), "connected");
  const raw = await net.raw(node, await nodeTls("n3"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send({ ...sound, sender: { ...sound.sender, id: "n3" } as HelloSender });
  await until(() => node.heard.isConnectedTo("n3"), "connected");
});

test("a client is refused by no genesis and no state machine, since it has none", async () => {
  const node = await nodeOfTheCluster();
  expect((await net.dial(node, { tls: await clientTls("alice") })).nodeId).toBe("n1");
});
