// What an attempt comes down to, in words that are true and say where to look: above all when the other side ends it without one.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { explainGreeting, type GreetingFailure } from "../../../src/adapters/tls/greeting.ts";
import { expiredNodeTls, nodeTls, strangerNodeTls, TlsNet, until } from "./tls-net.ts";

const closed = "the other side closed the connection";

describe("an attempt that came to nothing", () => {
  const failure = (more: Partial<GreetingFailure>): GreetingFailure => ({
    kind: "closed",
    reason: closed,
    code: null,
    isOurRefusal: false,
    isSilent: false,
    identity: null,
    ...more,
  });
  const silent = `did not answer the hello (${closed}); its log may say what it holds against this certificate`;
  const wordless = "closed the connection without a word: this side's certificate";

  test.each<[string, Partial<GreetingFailure>, typeof nodeTls, string, string]>([
    ["a refusal of the node", { code: "busy" }, nodeTls, "closed", `NODE refused this connection: ${closed}`],
    ["a refusal of this side", { code: "busy", isOurRefusal: true }, nodeTls, "closed", closed],
    ["nothing listens there", { kind: "vacant" }, nodeTls, "vacant", closed],
    ["this side could not try", { kind: "unable" }, nodeTls, "unable", closed],
    ["silence, and a sound certificate", { isSilent: true }, nodeTls, "unreachable", `NODE ${silent}`],
    [
      "silence, and an expired certificate",
      { isSilent: true },
      expiredNodeTls,
      "untrusted",
      `NODE ${wordless} has expired`,
    ],
    [
      "silence, and another CA's certificate",
      { isSilent: true },
      strangerNodeTls,
      "untrusted",
      `NODE ${wordless} is not signed by the CA it was given`,
    ],
  ])("%s", async (_, more, tlsOf, kind, words) => {
    const tls = await tlsOf("n1");
    for (const [id, name] of [
      ["n2", "n2"],
      [null, "the node"],
    ] as const) {
      const found = explainGreeting(failure(more), { id, tls, nowMs: Date.now() });
      expect(found).toMatchObject({ kind, reason: words.replace("NODE", name) });
    }
  });
});

describe("a node that closes without a word, though the certificate is in order", () => {
  let net = new TlsNet();
  beforeEach(() => {
    net = new TlsNet();
  });
  afterEach(() => net.close());

  const closing = async () =>
    Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { ...(await nodeTls("n2")), requestCert: true },
      socket: { data: (socket) => void socket.end() },
    });

  test("may say in its log why: another node reads so", async () => {
    using other = await closing();
    const node = await net.node("n1");
    node.transport.setPeers([{ id: "n2", address: `127.0.0.1:${other.port}` }]);
    await until(() => node.transport.peers()[0]?.reason !== "not connected yet", "the reason is known");
    expect(node.transport.peers()[0]?.reason).toStartWith("n2 did not answer the hello (");
  });

  test("may say in its log why: a client reads so, and may try another node", async () => {
    using other = await closing();
    const node = await net.node("n1");
    await expect(net.dial({ ...node, address: `127.0.0.1:${other.port}` }, {})).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(": the node did not answer the hello ("),
    });
  });
});
