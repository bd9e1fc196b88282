// How long is a cluster without a leader when its leader dies without a word? From the SIGKILL to the next acknowledged
// put, asked for at every survivor again and again.
import type { GraftClient } from "../client/client.ts";
import { encodeOperation } from "../client/typed-payload.ts";
import type { NodeProcess } from "./node-process.ts";

/** How long one put of those that hammer at the survivors may take, in ms. */
const putTimeoutMs = 50;

/** `clients`: one for each survivor, connected only to it. Resolves with the ms from the kill to the first answer. */
export async function measureFailover(leader: NodeProcess, clients: readonly GraftClient[]): Promise<number> {
  const put = encodeOperation("put", { key: "failover", value: "over" });
  // Connections stand before the clock runs, as those of a program would that has been at work.
  await Promise.all(clients.map((client) => client.command(put)));
  const killedMs = performance.now();
  leader.signal("SIGKILL");
  let isOver = false;
  const firstAnswer = async (client: GraftClient): Promise<number> => {
    for (;;) {
      const isDone = await client.command(put, { timeoutMs: putTimeoutMs }).then(
        () => true,
        () => isOver,
      );
      if (isDone) return performance.now() - killedMs;
    }
  };
  const tookMs = await Promise.race(clients.map(firstAnswer));
  isOver = true;
  await leader.exited;
  return tookMs;
}
