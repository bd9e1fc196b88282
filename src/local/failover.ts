// How long is a cluster without a leader when its leader dies or freezes without a word, and how long does a client wait when
// it stops gracefully? Measured by puts, each asked for when the one before is answered.
import type { GraftClient } from "../client/client.ts";
import { encodeOperation } from "../client/typed-payload.ts";
import type { NodeProcess } from "./node-process.ts";

/** How long one put of those that hammer at the survivors may take, in ms. */
const putTimeoutMs = 50;
/** For how long puts go on after a hand-over, to see that it is over, in ms. */
const afterwardsMs = 200;

const put = encodeOperation("put", { key: "failover", value: "over" });

/**
 * `clients`: one for each survivor, connected only to it. Resolves with the ms from the signal to the first answer of any of
 * them. A frozen leader stays frozen.
 */
export async function measureFailover(
  leader: NodeProcess,
  signal: "SIGKILL" | "SIGSTOP",
  clients: readonly GraftClient[],
): Promise<number> {
  // Connections stand before the clock runs, as those of a program would that has been at work.
  await Promise.all(clients.map((client) => client.command(put)));
  const beganMs = performance.now();
  leader.signal(signal);
  let isOver = false;
  const firstAnswer = async (client: GraftClient): Promise<number> => {
    for (;;) {
      const isDone = await client.command(put, { timeoutMs: putTimeoutMs }).then(
        () => true,
        () => isOver,
      );
      if (isDone) return performance.now() - beganMs;
    }
  };
  const tookMs = await Promise.race(clients.map(firstAnswer));
  isOver = true;
  if (signal === "SIGKILL") await leader.exited;
  return tookMs;
}

/**
 * `client` knows every node and is connected to the leader, which is told to stop. Resolves with the longest time, in ms, that
 * a put took from then on, and with what clients were told when one failed.
 */
export async function measureHandOver(
  leader: NodeProcess,
  client: GraftClient,
): Promise<{ readonly ms: number; readonly errors: readonly string[] }> {
  await client.command(put);
  leader.signal("SIGTERM");
  let endMs = Number.POSITIVE_INFINITY;
  void leader.exited.then(() => (endMs = performance.now() + afterwardsMs));
  const errors: string[] = [];
  let longestMs = 0;
  for (let nowMs = performance.now(); nowMs < endMs;) {
    await client.command(put).catch((error: unknown) => void errors.push(String(error)));
    const doneMs = performance.now();
    longestMs = Math.max(longestMs, doneMs - nowMs);
    nowMs = doneMs;
  }
  return { ms: longestMs, errors };
}
