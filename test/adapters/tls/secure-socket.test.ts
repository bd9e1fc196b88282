// Why a node cannot listen or connect, in words that say what to correct, and which errors are no failure of a socket.
import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { Link } from "../../../src/adapters/tls/link.ts";
import { connectTls, listenTls } from "../../../src/adapters/tls/secure-socket.ts";
import type { LinkEnd } from "../../../src/adapters/tls/tls-words.ts";
import { clientTls, nodeTls, TlsNet, until } from "./tls-net.ts";

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

test("a port for which this user has no right", async () => {
  const tls = await nodeTls("n1");
  const refusing = spyOn(Bun, "listen").mockImplementation(() => {
    throw Object.assign(new Error("denied"), { code: "EACCES" });
  });
  try {
    expect(() => listenTls("127.0.0.1:443", tls, never)).toThrow("this user may not listen there");
  } finally {
    refusing.mockRestore();
  }
});

test.each([
  [10, "vacant"],
  [1_500, "unreachable"],
] as const)("a connect that fails after %i ms: the host is %s", async (tookMs, kind) => {
  const failing = Promise.withResolvers<never>();
  let nowMs = 5_000;
  const spies = [
    spyOn(Bun, "connect").mockImplementation(() => failing.promise),
    spyOn(performance, "now").mockImplementation(() => nowMs),
  ];
  try {
    const end = Promise.withResolvers<LinkEnd>();
    connectTls("127.0.0.1:1", await nodeTls("n1"), { neverOpened: end.resolve } as unknown as Link);
    nowMs += tookMs;
    failing.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    expect(await end.promise).toMatchObject({ kind });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
});

describe("an error of this program itself, in a callback of a socket", () => {
  let net = new TlsNet();
  afterEach(async () => {
    await net.close();
    net = new TlsNet();
  });

  test.each(["socketOpened", "socketSecured", "socketReceived", "socketClosed"] as const)(
    "in %s, goes to the process",
    async (method) => {
      const node = await net.node("n1");
      const fault = new TypeError(`broken in ${method}`);
      const reported: unknown[] = [];
      const spies = [
        spyOn(globalThis, "reportError").mockImplementation((error) => void reported.push(error)),
        spyOn(Link.prototype, method).mockImplementationOnce(() => {
          throw fault;
        }),
      ];
      try {
        const raw = await net.raw(node, await clientTls("alice"));
        await until(() => raw.isSecure, "TLS stands");
        raw.send(new Uint8Array(4));
        if (method === "socketClosed") raw.socket?.terminate();
        await until(() => reported.length > 0, "it is reported");
        expect(reported).toEqual([fault]);
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
    },
  );
});
