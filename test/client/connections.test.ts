// How soon may an address be dialled again? Later after each dial that led nowhere, and at once after a connection that has served.
import { beforeEach, expect, test } from "bun:test";
import type { LinkHandlers } from "../../src/client/connection.ts";
import { Connections } from "../../src/client/connections.ts";
import { WhichCluster } from "../../src/client/which-cluster.ts";
import { GraftError } from "../../src/errors.ts";
import { PlayedTime, settled } from "./played-time.ts";

let time = new PlayedTime();
let isUp = false;
let onDial: () => void = () => {};
let node: LinkHandlers | null = null;
let connections: Connections;
beforeEach(() => {
  [time, isUp, node] = [new PlayedTime(), false, null];
  connections = new Connections({
    clock: time,
    which: new WhichCluster(null),
    dial: async (_, handlers) => {
      onDial();
      if (!isUp) throw new GraftError("unavailable", "connection refused");
      node = handlers;
      return { clusterUuid: "c1", send: () => {}, close: () => {} };
    },
  });
});

/** Asks once, and waits until it is known whether the address could be dialled. */
async function ask(): Promise<void> {
  const dialled = new Promise<void>((resolve) => (onDial = resolve));
  connections.to("a:1").request({ kind: "status" }, () => {});
  await time.until(dialled);
  await settled();
}

test("later after each dial that led nowhere, up to a bound", async () => {
  expect(connections.pauseMs("a:1")).toBe(0);
  const pauses: number[] = [];
  for (let turn = 0; turn < 12; turn++) {
    await ask();
    pauses.push(connections.pauseMs("a:1"));
  }
  expect(pauses[0]).toBeGreaterThanOrEqual(10);
  expect(pauses[0]).toBeLessThanOrEqual(20);
  expect(pauses.slice(-4).every((pauseMs) => pauseMs >= 200 && pauseMs <= 400)).toBe(true);
  expect(connections.pauseMs("b:1")).toBe(0);
});

test("at once after a connection that has served, and then as if it had never failed", async () => {
  for (let turn = 0; turn < 10; turn++) await ask();
  isUp = true;
  await ask();
  // Nothing that is asked of it over this connection has to wait for what failed before.
  expect(connections.pauseMs("a:1")).toBe(0);
  node!.onReply({ kind: "done", id: 1, leader: null });
  node!.onClosed({ kind: "lost", reason: "connection reset" });
  expect(connections.pauseMs("a:1")).toBe(0);
  isUp = false;
  await ask();
  expect(connections.pauseMs("a:1")).toBeLessThanOrEqual(20);
});

test("at once when its pause is over", async () => {
  await ask();
  await time.pass(1000);
  expect(connections.pauseMs("a:1")).toBe(0);
});

test("later after a connection that stood and brought no answer", async () => {
  isUp = true;
  await ask();
  expect(connections.pauseMs("a:1")).toBe(0);
  node!.onClosed({ kind: "lost", reason: "connection reset" });
  expect(connections.pauseMs("a:1")).toBeGreaterThan(0);
});
