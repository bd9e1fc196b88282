// What real certificates, of the wrong kind, do to a node that runs: they are refused, both sides say why, and the node
// goes on. Every refusal is followed by a sound connection to the same node.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect as connectSocket } from "node:tls";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { issueNode, createCa } from "../../../src/adapters/certs/authority.ts";
import { ownCertificateProblem } from "../../../src/adapters/tls/tls-words.ts";
import {
  clientSender,
  clientTls,
  expiredNodeTls,
  hello,
  nodeTls,
  strangerNodeTls,
  strangersCaCert,
  strangerTls,
  TlsNet,
  type TlsTestNode,
  until,
  nodeSender,
} from "./tls-net.ts";

let net = new TlsNet();
let node: TlsTestNode;
const reasons = (of: TlsTestNode): unknown[] => of.lines.map(({ fields }) => fields["reason"]);

beforeEach(async () => {
  net = new TlsNet();
  node = await net.node("n1");
});
afterEach(async () => {
  const alice = await net.client(node, "alice");
  expect(alice.nodeId).toBe("n1");
  await net.close();
  expect(node.heard.story).toEqual([]);
});

describe("P53: on the accepting side", () => {
  test("no certificate: refused before anything is decoded, and the other side is told", async () => {
    const raw = await net.raw(node, {});
    await until(() => raw.isClosed, "closed");
    expect(raw.received.length).toBe(0);
    expect(raw.failure).toContain("CERTIFICATE_REQUIRED");
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(["the other side has no certificate"]);
  });

  test("no session is resumed: a certificate that has expired since is looked at anew", async () => {
    const settings = { ...(await clientTls("alice")), rejectUnauthorized: false };
    const [host, port] = node.address.split(":");
    const connect = async (session?: Buffer) => {
      const resumed = session === undefined ? {} : { session };
      const socket = connectSocket({ host: host ?? "", port: Number(port), ...settings, ...resumed });
      await once(socket, "secureConnect");
      // The node's answer: a ticket would have come before it.
      socket.write(encodeFrame(hello(clientSender("alice"))));
      await once(socket, "data");
      const seen = { session: socket.getSession(), isReused: socket.isSessionReused() };
      socket.destroy();
      return seen;
    };
    const first = await connect();
    expect(first.isReused).toBe(false);
    expect((await connect(first.session)).isReused).toBe(false);
  });

  test("another CA's certificate: closed without a byte, however early a hello is sent", async () => {
    const raw = await net.raw(node, await strangerTls("alice"));
    raw.send(hello(clientSender("alice")));
    await until(() => raw.isClosed, "closed");
    expect(raw.received.length).toBe(0);
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(["the other side's certificate is signed by another CA"]);
  });

  test("another CA's node, under a name of ours", async () => {
    const stranger = await net.node("n2", { tls: await strangerNodeTls("n2") });
    stranger.transport.setPeers([{ id: "n1", address: node.address }]);
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)[0]).toBe("the other side's certificate is signed by another CA");
    await until(() => stranger.transport.peers()[0]?.reason?.includes("CA") ?? false, "the other side says why");
    expect(stranger.transport.peers()[0]?.reason).toBe(
      "n1 closed the connection without a word: this side's certificate is not signed by the CA it was given",
    );
  });

  test("an expired certificate", async () => {
    const late = await net.node("n2", { tls: await expiredNodeTls("n2") });
    late.transport.setPeers([{ id: "n1", address: node.address }]);
    await until(() => reasons(node).includes("the other side's certificate has expired"), "the node says why");
    await until(() => late.transport.peers()[0]?.reason?.includes("expired") ?? false, "the other side says why");
  });

  test("another cluster's name under our CA's signature", async () => {
    // The authority signs for one cluster only; the name in the hello is what can still differ.
    const raw = await net.raw(node, await clientTls("alice"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(clientSender("alice"), { cluster: "prod" }));
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("reply")).toEqual([
      { kind: "refused", code: "wrong-cluster", message: 'the hello names cluster "prod", this is "demo"' },
    ]);
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(['the hello names cluster "prod", this is "demo"']);
  });

  test("a client that calls itself another", async () => {
    const failed = net.dial(node, { name: "admin", tls: await clientTls("alice") });
    await expect(failed).rejects.toMatchObject({ name: "GraftError", code: "unauthorized" });
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(["the hello claims client admin, the certificate is that of client alice"]);
  });

  test("a client's certificate under a node's hello", async () => {
    const raw = await net.raw(node, await clientTls("n2"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(nodeSender("n2")));
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("peer")).toMatchObject([{ kind: "refused", code: "wrong-identity" }]);
  });

  test("TLS 1.2 is not spoken", async () => {
    const raw = await net.raw(node, { ...(await clientTls("alice")), maxVersion: 0x0303 });
    await until(() => raw.isClosed, "closed");
    expect(raw.isSecure).toBe(false);
    expect(raw.failure).toContain("PROTOCOL_VERSION");
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(["no TLS version in common: Graft speaks TLS 1.3 only"]);
  });

  test("plain text: closed, and the node goes on", async () => {
    const raw = await net.raw(node, null);
    raw.send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await until(() => raw.isClosed, "closed");
    await until(() => reasons(node).length > 0, "the node says why");
    expect(reasons(node)).toEqual(["the other side speaks plain HTTP, not TLS"]);
  });
});

describe("P53: on the dialling side", () => {
  test("a node of another CA: our certificate and our hello never leave", async () => {
    const stranger = await net.node("n9", { tls: { ...(await strangerNodeTls("n9")), ca: (await nodeTls("n1")).ca } });
    await expect(net.dial(stranger, {})).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("the node's certificate is signed by another CA"),
    });
    await until(() => stranger.lines.length > 0, "the other side notices");
    expect(stranger.lines[0]?.fields["identity"]).toBeNull();
  });

  test("by an address that is not in any certificate, the CA counts all the same", async () => {
    // 127.0.0.2 is loopback, but no certificate names it: identity is the URI and not the address.
    const elsewhere = await net.node("n2", { address: "127.0.0.2:0" });
    expect((await net.dial(elsewhere, { meant: "n2" })).nodeId).toBe("n2");
    const stranger = await net.node("n3", { address: "127.0.0.2:0", tls: await strangerNodeTls("n3") });
    await expect(net.dial(stranger, {})).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("another CA"),
    });
    const late = await net.node("n4", { address: "127.0.0.2:0", tls: await expiredNodeTls("n4") });
    await expect(net.dial(late, {})).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("expired"),
    });
  });

  test("a node that speaks TLS 1.2 only is not spoken to", async () => {
    const tls = { ...(await nodeTls("n1")), requestCert: true, maxVersion: 0x0303 };
    using old = Bun.listen({ hostname: "127.0.0.1", port: 0, tls, socket: { data() {} } });
    await expect(net.dial({ ...node, address: `127.0.0.1:${old.port}` }, {})).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("no TLS version in common: Graft speaks TLS 1.3 only"),
    });
  });

  test("another node than was meant", async () => {
    const failed = net.dial(node, { meant: "n2" });
    await expect(failed).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("n1 answers at this address, n2 was meant"),
    });
    await until(() => reasons(node).length > 0, "the node says so too");
    expect(reasons(node)).toEqual(["the other side said: n1 answers at this address, n2 was meant"]);
  });

  test("another cluster's node, under the same CA file", async () => {
    const failed = net.dial(node, { cluster: "prod" });
    await expect(failed).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining('cluster "demo"'),
    });
  });

  test("a client's certificate cannot serve", async () => {
    const impostor = await net.node("n1", { tls: await clientTls("n1"), address: "127.0.0.1:0" });
    await expect(net.dial(impostor, {})).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("not made for this use"),
    });
  });

  test("the client's own certificate is named when it is at fault", async () => {
    await expect(net.dial(node, { tls: await strangerTls("alice") })).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("this side's certificate is not signed by the CA it was given"),
    });
    const bothForeign = { ...(await strangerTls("alice")), ca: strangersCaCert };
    await expect(net.dial(node, { tls: bothForeign })).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining("the node's certificate is signed by another CA"),
    });
  });

  test("nobody there, nothing that is TLS, and nothing readable", async () => {
    await expect(net.dial({ ...node, address: "127.0.0.1:1" }, {})).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("connection refused"),
    });
    using plain = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
        },
      },
    });
    await expect(net.dial({ ...node, address: `127.0.0.1:${plain.port}` }, {})).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("does not speak TLS"),
    });
    const tls = { ...(await clientTls("alice")), key: "no key" };
    await expect(net.dial(node, { tls })).rejects.toMatchObject({ code: "config" });
    const message = expect.stringContaining("its address has no port");
    await expect(net.dial({ ...node, address: "nowhere" }, {})).rejects.toMatchObject({ code: "unavailable", message });
  });

  test("a certificate is looked at for what another side may hold against it", async () => {
    const tls = await nodeTls("n1");
    expect(ownCertificateProblem(tls, Date.now())).toBeNull();
    expect(ownCertificateProblem({ ...tls, ca: strangersCaCert }, Date.now())).toContain("not signed by");
    // While a CA is replaced, the file holds the old and the new CA.
    for (const ca of [tls.ca + strangersCaCert, strangersCaCert + tls.ca])
      expect(ownCertificateProblem({ ...tls, ca }, Date.now())).toBeNull();
    expect(ownCertificateProblem(tls, Date.now() + 9_000 * 86_400_000)).toContain("has expired");
    expect(ownCertificateProblem(tls, 0)).toContain("not valid yet");
  });
});

test("a node with another state machine is refused by probes and as a peer, in words on both sides", async () => {
  const n1 = await net.node("n1", { machine: "kv" });
  const n2 = await net.node("n2", { machine: "my counter" });
  const refusals = [await n1.transport.reach("n2", n2.address, 2_000), await n2.transport.discover(n1.address, 2_000)];
  expect(refusals).toMatchObject([
    {
      kind: "unreachable",
      reason: expect.stringContaining('the state machine of n1 is "kv", that of n2 "my_counter"'),
    },
    { kind: "failed", reason: expect.stringContaining('the state machine of n2 is "my_counter", that of n1 "kv"') },
  ]);
  n2.transport.setPeers([{ id: "n1", address: n1.address }]);
  const says = ({ lines }: TlsTestNode): boolean =>
    lines.some((line) => JSON.stringify(line.fields).includes("my_counter"));
  await until(() => says(n1) && says(n2), "both say why");
  expect([n1, n2].flatMap(({ heard }) => heard.story)).toEqual([]);
});

test("P53: a certificate for another cluster, signed by a CA that both trust, is refused on either side", async () => {
  const prodCa = await createCa({ cluster: "prod" });
  const prod = await issueNode(prodCa, { cluster: "prod", id: "n2", hosts: [] });
  const both = `${(await nodeTls("n1")).ca}${prodCa.cert}`;
  const trusting = await net.node("n1", { tls: { ...(await nodeTls("n1")), ca: both } });
  const raw = await net.raw(trusting, { ca: both, ...prod });
  await until(() => raw.isClosed, "closed");
  expect(raw.frames("peer")).toMatchObject([{ kind: "refused", code: "wrong-cluster" }]);
  const other = await net.node("n2", { tls: { ca: both, ...prod }, cluster: "prod" });
  await expect(net.dial(other, { tls: { ...(await clientTls("alice")), ca: both } })).rejects.toMatchObject({
    code: "unauthorized",
    message: expect.stringContaining('belongs to cluster "prod"'),
  });
});
