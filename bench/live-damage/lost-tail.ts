// P46 on a live cluster: one of three nodes is away, another is killed and its WAL damaged, the third holds everything. They end
// and come back in several orders. A node that believes its short log would now help to elect a leader without it.
import { join } from "node:path";
import { damageFile, type Draw, oneOf, shuffled } from "./damage-bytes.ts";
import { type DamagedCluster, limitMs } from "./damaged-cluster.ts";
import type { Scenario } from "./run-once.ts";
import type { WitnessedLoad } from "./witnessed-load.ts";

const momentMsMax = 1_500;

export const lostTail: Scenario = { load: { writers: 6, readers: 2, pauseMs: 0 }, damage: loseTail };

/** Returns what was damaged, and how the nodes came back. */
async function loseTail(cluster: DamagedCluster, load: WitnessedLoad, draw: Draw) {
  const [away, damaged, third] = shuffled(cluster.ids, draw) as [string, string, string];
  await load.progress(20 + draw(200), limitMs);
  await cluster.kill(away);
  await load.progress(50 + draw(500), limitMs);
  await cluster.kill(damaged);
  const what = damageFile(join(cluster.dataDir(damaged), "graft.sqlite-wal"), draw);

  const start = (id: string) => async (): Promise<void> => cluster.start(id);
  const kill = (id: string) => (): Promise<void> => cluster.kill(id);
  const killLeader = async (): Promise<void> => {
    const leader = await cluster.untilLeader();
    await cluster.kill(leader);
    await moment(draw);
    cluster.start(leader);
  };
  const orders = [
    { name: "damaged, third ends, away, third", steps: [start(damaged), kill(third), start(away), start(third)] },
    { name: "third ends, damaged, away, third", steps: [kill(third), start(damaged), start(away), start(third)] },
    { name: "away, third ends, damaged, third", steps: [start(away), kill(third), start(damaged), start(third)] },
    { name: "damaged, away, the leader ends", steps: [start(damaged), start(away), killLeader] },
    { name: "away, damaged, the leader ends twice", steps: [start(away), start(damaged), killLeader, killLeader] },
  ];
  const order = oneOf(orders, draw);
  for (const step of order.steps) {
    await step();
    await moment(draw);
  }
  return { what: `${damaged}: ${what}; ${order.name}`, damaged };
}

/** At a random moment of an election or of a catching up. Nothing is expected to have happened by then. */
const moment = (draw: Draw): Promise<void> => Bun.sleep(draw(momentMsMax));
