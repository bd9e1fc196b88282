// Why a node cannot listen, in words that say what to correct.
import { expect, test } from "bun:test";
import { listenTls } from "../../../src/adapters/tls/secure-socket.ts";
import { nodeTls } from "./tls-net.ts";

const never = (): never => {
  throw new Error("nobody connects");
};

test.each([
  ["an address of another machine", "192.0.2.1:0", {}, "this machine does not have that address"],
  ["no address", "nowhere", {}, "it has no port"],
  ["another certificate's key", "127.0.0.1:0", { key: "n2" }, "the key does not belong to the certificate"],
  ["a certificate that is none", "127.0.0.1:0", { cert: "none" }, "the certificates or the key cannot be read"],
] as const)("%s: %s", async (_, address, wrong, words) => {
  const tls = await nodeTls("n1");
  const key = "key" in wrong ? (await nodeTls(wrong.key)).key : tls.key;
  const cert = "cert" in wrong ? wrong.cert : tls.cert;
  expect(() => listenTls(address, { ...tls, key, cert }, never)).toThrow(
    expect.objectContaining({
      code: "config",
      message: expect.stringContaining(`cannot listen on ${address}: ${words}`),
    }),
  );
});

test("an address in use", async () => {
  const tls = await nodeTls("n1");
  using other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  expect(() => listenTls(`127.0.0.1:${other.port}`, tls, never)).toThrow("the address is in use by another process");
});
