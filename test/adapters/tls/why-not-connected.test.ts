// A connection that this side could not make says nothing of the other side, least of all that its process has ended.
import { describe, expect, spyOn, test } from "bun:test";
import { isIP } from "node:net";
import { join } from "node:path";
import { whyNotConnected } from "../../../src/adapters/tls/why-not-connected.ts";
import { runWithFewDescriptors, useUpDescriptors } from "./without-descriptors.ts";

const failed = (code: string): Error => Object.assign(new Error(code), { code });
const refusal = { error: failed("ECONNREFUSED"), host: "127.0.0.1", port: 1, elapsedMs: 5 };
const finding = (code: string) => ({ probe: () => Promise.reject(failed(code)) });
const findingNothing = { probe: () => Promise.resolve() };
const findingByAddress = (codes: Readonly<Record<string, string | null>>) => ({
  resolve: () => Promise.resolve(Object.keys(codes)),
  probe: (address: string) => {
    const code = codes[address];
    return code === null ? Promise.resolve() : Promise.reject(failed(code ?? "EINVAL"));
  },
});

describe("a refusal that Bun reports", () => {
  test("is one when the system can send there", async () => {
    expect(await whyNotConnected(refusal)).toMatchObject({ kind: "vacant" });
    expect(await whyNotConnected({ ...refusal, host: "::1" })).toMatchObject({ kind: "vacant" });
    expect(await whyNotConnected({ ...refusal, host: "localhost" })).toMatchObject({ kind: "vacant" });
  });

  test.each([
    ["ENETUNREACH", "no route to the network"],
    ["EHOSTUNREACH", "no route to the host"],
    ["EMFILE", "this process has no file descriptors left"],
    ["ENFILE", "this machine has no file descriptors left"],
    ["EADDRNOTAVAIL", "the address is not available"],
  ])("is none when the system says %s", async (code, reason) => {
    expect(await whyNotConnected(refusal, finding(code))).toEqual({ kind: "unable", reason });
  });

  test("is none when it comes after the system's own attempts to find the host", async () => {
    const late = await whyNotConnected({ ...refusal, elapsedMs: 1_029 }, findingNothing);
    expect(late).toMatchObject({ kind: "unreachable", reason: "no answer: the host cannot be reached" });
  });

  test("is one up to the time that a host which is there may take", async () => {
    for (const [elapsedMs, kind] of [
      [900, "vacant"],
      [901, "unreachable"],
    ] as const)
      expect(await whyNotConnected({ ...refusal, elapsedMs }, findingNothing)).toMatchObject({ kind });
  });

  test("stays one when the check itself cannot be made", async () => {
    expect(await whyNotConnected(refusal, finding("EAFNOSUPPORT"))).toMatchObject({ kind: "vacant" });
    const unresolved = { resolve: () => Promise.reject(failed("ENOTFOUND")) };
    expect(await whyNotConnected({ ...refusal, host: "n1.example" }, unresolved)).toMatchObject({ kind: "vacant" });
  });

  test("is none without descriptors, which a name needs as well", async () => {
    const without = { ...finding("EMFILE"), resolve: () => Promise.reject(failed("ENOTFOUND")) };
    expect(await whyNotConnected({ ...refusal, host: "n1.example" }, without)).toMatchObject({ kind: "unable" });
  });

  test("is checked by address: to resolve a name, Bun's UDP sockets hold up the whole process", async () => {
    const probed: string[] = [];
    const probe = (address: string) => (probed.push(address), Promise.resolve());
    await whyNotConnected({ ...refusal, host: "localhost" }, { probe });
    expect(probed.length).toBeGreaterThan(0);
    expect(probed.filter((address) => isIP(address) === 0)).toEqual([]);
  });

  test("is checked by a socket that is closed again: a peer that is away is dialled for hours", async () => {
    let open = 0;
    const socket = { close: () => void open-- };
    const checking = spyOn(Bun, "udpSocket").mockImplementation(() => {
      open++;
      return Promise.resolve(socket as never);
    });
    try {
      expect(await whyNotConnected(refusal)).toMatchObject({ kind: "vacant" });
      expect([checking.mock.calls.length, open]).toEqual([1, 0]);
    } finally {
      checking.mockRestore();
    }
  });

  test("stays one when one address of a name can be reached", async () => {
    const named = { ...refusal, host: "n1.example" };
    const half = findingByAddress({ "2001:db8::1": "ENETUNREACH", "192.0.2.1": null });
    expect(await whyNotConnected(named, half)).toMatchObject({ kind: "vacant" });
    const none = findingByAddress({ "2001:db8::1": "EAFNOSUPPORT", "192.0.2.1": "ENETUNREACH" });
    expect(await whyNotConnected(named, none)).toEqual({ kind: "unable", reason: "no route to the network" });
  });
});

test("another failure is what Bun says", async () => {
  const found = await whyNotConnected({ ...refusal, error: failed("ENOTFOUND") }, findingNothing);
  expect(found).toEqual({ kind: "unreachable", reason: "the host name is not known" });
});

const adapter = join(import.meta.dir, "..", "..", "..", "src", "adapters", "tls", "secure-socket.ts");

/** Dials where somebody listens, and where nobody does; the latter before and after the descriptors have run out. */
const program = `
import { openSync, writeSync } from "node:fs";
import { connectTls } from ${JSON.stringify(adapter)};
const listen = () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
const listeners = [listen(), listen()];
const [there, gone] = listeners.map(({ port }) => port);
listeners[1].stop(true);
const dial = (port) =>
  new Promise((resolve) => connectTls("127.0.0.1:" + port, {}, { neverOpened: resolve, socketOpened() {}, socketClosed() {} }));
const before = await dial(gone);
${useUpDescriptors}
writeSync(1, JSON.stringify([before, await dial(there)]));
process.exit(0);
`;

test.skipIf(process.platform === "win32")(
  "a dial that fails for want of descriptors does not count as a refusal",
  async () => {
    const [before, without] = (await runWithFewDescriptors(program)) as unknown[];
    expect(before).toMatchObject({ kind: "vacant" });
    expect(without).toEqual({ kind: "unable", reason: "this process has no file descriptors left" });
  },
);
