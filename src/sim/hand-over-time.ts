// Does a leader find the time to hand over, while clients go on? It has one election timeout (§3.10). Raft promises progress only where a
// broadcast takes much less than that (§3.9). Some seeds draw slow disks, slow messages and a narrow window together: what clients
// have under way is then replicated one entry after the other, and the leader keeps the lead.
import type { Pace } from "./pace.ts";
import { atOnceOf } from "./workload.ts";

/** The longest hand-over, in election timeouts. Each time is drawn, and is half as long on average. */
const longestMax = 1.5;

/** @param pace of the simulation, when all faults are over */
export function leadersHandOverInTime({
  member,
  network,
  workload,
}: Pick<Pace, "member" | "network" | "workload">): boolean {
  const { electionTimeoutMs, windowEntriesMax } = member.settings;
  const delayMs = network.delayMs.high;
  const diskMs = (1 - member.disk.inlineWrites) * member.disk.diskMs.high;
  const broadcasts = Math.ceil((workload.clients * atOnceOf(workload)) / windowEntriesMax);
  // TimeoutNow, a pre-vote there and back, a vote on the disk of the target, and its request on the way to the leader.
  const electionMs = 4 * delayMs + diskMs;
  return broadcasts * (2 * delayMs + diskMs) + electionMs <= longestMax * electionTimeoutMs;
}
