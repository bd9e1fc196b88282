// Whether anything listens at an address, whichever way the address is written.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { knockAt, listeningAt } from "../../../src/adapters/tls/listening.ts";
import { until } from "./tls-net.ts";

let listener: Bun.TCPSocketListener;
let gone: number;
beforeEach(() => {
  const listen = () => Bun.listen({ hostname: "::", port: 0, socket: { data() {} } });
  const other = listen();
  gone = other.port;
  listener = listen();
  other.stop(true);
});
afterEach(() => listener.stop(true));

test.each(["127.0.0.1", "[::1]", "localhost"])(
  "%s: what listens is found, and what does not is told apart",
  async (host) => {
    expect(await knockAt(`${host}:${listener.port}`)).toBeNull();
    expect(await knockAt(`${host}:${gone}`)).toMatchObject({ kind: "vacant" });
  },
);

test("of several addresses those are told at which something listens, in their order", async () => {
  const [there, nobody] = [`127.0.0.1:${listener.port}`, `127.0.0.1:${gone}`];
  const again = `[::1]:${listener.port}`;
  expect(await listeningAt([nobody, there, nobody, again], 60_000)).toEqual([there, again]);
  expect(await listeningAt([], 1)).toEqual([]);
});

test("an address that accepts a connection is named, and neither one that refuses it nor one that stays silent", async () => {
  const knock: typeof knockAt = (address) => {
    if (address === "silent:1") return new Promise(() => {});
    return Promise.resolve(address === "refusing:1" ? { kind: "vacant", reason: "it is refused" } : null);
  };
  expect(await listeningAt(["silent:1", "accepting:1", "refusing:1"], 1, knock)).toEqual(["accepting:1"]);
});

test("a knock leaves no connection behind", async () => {
  const seen = { opened: 0, closed: 0 };
  using place = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => void seen.opened++, close: () => void seen.closed++, data() {} },
  });
  expect(await knockAt(`127.0.0.1:${place.port}`)).toBeNull();
  await until(() => seen.closed > 0, "it is closed");
  expect(seen).toEqual({ opened: 1, closed: 1 });
});
