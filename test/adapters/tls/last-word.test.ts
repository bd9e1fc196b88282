// The end of a connection that says its last word: everything before it arrives, and the end is waited for no longer than the bound.
import { afterEach, expect, test } from "bun:test";
import { clientSender, clientTls, hello, type RawSocket, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

let net = new TlsNet();
afterEach(async () => {
  await net.close();
  net = new TlsNet();
});

/** A client that has asked once and reads nothing from now on. */
async function silent(node: TlsTestNode): Promise<RawSocket> {
  const raw = await net.raw(node, await clientTls("alice"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(clientSender("alice")));
  raw.send({ kind: "status", id: 1 });
  await until(() => node.heard.requests.length === 1 && raw.received.length > 0, "it has asked");
  raw.socket?.pause();
  return raw;
}

test("what waits for a client that reads late arrives, and behind it the last word and the end", async () => {
  const node = await net.node("n1", { limits: { lingerMs: 600_000, stallTimeoutMs: 600_000 } });
  const raw = await silent(node);
  const [asked] = node.heard.requests;
  const ids = Array.from({ length: 40 }, (_, at) => at + 2);
  for (const id of ids) {
    const payload = new Uint8Array(500_000).fill(id);
    asked!.client.reply({ kind: "result", id, payload, index: 1, term: 1, stalenessMs: null });
  }
  // It breaks the protocol, and is told so behind its answers.
  raw.send(Buffer.from([0, 0, 0, 1, 0xff]));
  await until(() => !asked!.client.isOpen, "the node has said its last word");
  raw.socket?.resume();
  await until(() => raw.isClosed, "closed");
  const [, ...frames] = raw.frames("reply");
  expect(frames.map((frame) => (frame.kind === "result" ? frame.id : frame.kind))).toEqual([...ids, "refused"]);
});

test("P54: a side that neither reads nor closes is let go of when the time for the end is up", async () => {
  const node = await net.node("n1", { limits: { lingerMs: 20, sweepMs: 10 } });
  await silent(node);
  let isStopped = false;
  void node.transport.stop(600_000).then(() => (isStopped = true));
  await until(() => isStopped, "no connection is left");
});
