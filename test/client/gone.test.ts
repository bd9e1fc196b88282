// That a node has stopped is said when its host refuses connections, and not when nothing is known of it.
import { expect, test } from "bun:test";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { waitUntilGone } from "../../src/client/gone.ts";
import { PlayedTime } from "./played-time.ts";

const vacant = { kind: "vacant", reason: "connection refused: nothing listens there" } as const;
/** All that keeps a client from a node, and says nothing of the node itself. */
const lost = (["unable", "unreachable", "untrusted", "closed"] as const).map((kind) => ({
  kind,
  reason: `${kind}: no route to the network`,
}));

type Knock = Parameters<typeof waitUntilGone>[3];
const gone = (timeoutMs: number, knock: Knock): Promise<string | null> => {
  const time = new PlayedTime();
  return time.until(waitUntilGone("a:1", timeoutMs, time, knock));
};

test("a node whose host refuses connections has gone", async () => {
  const found = [null, null, vacant];
  const time = new PlayedTime();
  const knocked: string[] = [];
  const knock = async (address: string) => {
    knocked.push(address);
    return found.shift() ?? null;
  };
  expect(await time.until(waitUntilGone("a:1", 60_000, time, knock))).toBeNull();
  expect(knocked).toEqual(["a:1", "a:1", "a:1"]);
  // It looks again soon.
  expect(time.passedMs).toBeLessThan(200);
});

test.each(lost)("a node that cannot be reached ($kind) is not said to have gone", async (failure) => {
  expect(await gone(0, async () => failure)).toBe(failure.reason);
  const found = [null, failure, vacant];
  expect(await gone(60_000, async () => found.shift() ?? null)).toBeNull();
  expect(found).toEqual([]);
});

test("a node that still listens has not gone", async () => {
  expect(await gone(0, async () => null)).toBe("it still takes connections");
  expect(await gone(60_000, async () => null)).toBe("it still takes connections");
});

test("a port says by itself whether something listens", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const address = `127.0.0.1:${listener.port}`;
  expect(await waitUntilGone(address, 0, systemClock)).toBe("it still takes connections");
  listener.stop(true);
  expect(await waitUntilGone(address, 0, systemClock)).toBeNull();
});
