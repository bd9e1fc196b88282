// The forgotten vote on a live cluster: a leader is frozen that was elected by one vote, and exactly that vote rots in its voter's WAL.
// A voter that has forgotten it would now help to elect a second leader in the same term.
import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Draw, flipBit, oneOf } from "./damage-bytes.ts";
import { type DamagedCluster, limitMs } from "./damaged-cluster.ts";
import type { Scenario } from "./run-once.ts";
import { until } from "./wait.ts";
import type { WitnessedLoad } from "./witnessed-load.ts";

const momentMsMax = 4_000;

/** So little that no checkpoint takes the vote out of the WAL. */
export const forgottenVote: Scenario = { load: { writers: 2, readers: 2, pauseMs: 40 }, damage: forgetVote };

/** Returns what was damaged. */
async function forgetVote(cluster: DamagedCluster, load: WitnessedLoad, draw: Draw) {
  await load.progress(5 + draw(50), limitMs);
  // A leader that the two others have elected, so that each of them needs the other's vote.
  const away = await cluster.untilLeader();
  await cluster.kill(away);
  const leader = await cluster.untilLeader((id) => id !== away);
  await load.progress(5 + draw(50), limitMs);
  const voter = cluster.ids.find((id) => id !== away && id !== leader)!;
  cluster.signal(leader, "SIGSTOP");
  await cluster.kill(voter);
  const what = flipBitOfVote(cluster.dataDir(voter), draw);
  const since = cluster.logOf(voter).length;
  for (const id of oneOf(
    [
      [voter, away],
      [away, voter],
    ],
    draw,
  ))
    cluster.start(id);
  await until(`${voter} says something`, limitMs, () => cluster.logOf(voter).slice(since).includes("node started"));
  // The two have so long to elect a leader before the old one wakes.
  await Bun.sleep(draw(momentMsMax));
  cluster.signal(leader, "SIGCONT");
  return { what: `${voter}: ${what}; ${leader} frozen, ${away} away`, damaged: voter };
}

const walHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Flips one bit of the last frame that holds the vote's page. */
function flipBitOfVote(dataDir: string, draw: Draw): string {
  const page = pageOfVote(dataDir);
  const path = join(dataDir, "graft.sqlite-wal");
  const bytes = readFileSync(path);
  const frameBytes = frameHeaderBytes + bytes.readUInt32BE(8);
  const salt = bytes.readBigUInt64BE(16);
  let frame: number | null = null;
  for (let at = walHeaderBytes; at + frameBytes <= bytes.length; at += frameBytes) {
    if (bytes.readBigUInt64BE(at + 8) !== salt) break;
    if (bytes.readUInt32BE(at) === page) frame = at;
  }
  if (frame === null) throw new Error(`the vote is not in ${path}`);
  const { what, changed } = flipBit(bytes, { from: frame, to: frame + frameBytes }, draw);
  writeFileSync(path, changed);
  return `${what} of ${bytes.length} bytes, the vote's frame is at ${frame}`;
}

/** Looks at a copy: opening the original would change it. */
function pageOfVote(dataDir: string): number {
  const folder = mkdtempSync(join(tmpdir(), "graft-vote-"));
  try {
    const file = join(folder, "copy.sqlite");
    for (const end of ["", "-wal"]) copyFileSync(join(dataDir, `graft.sqlite${end}`), `${file}${end}`);
    using db = new Database(file);
    const row = db.query("SELECT rootpage FROM sqlite_schema WHERE name = 'vote'").get() as { rootpage: number };
    return row.rootpage;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
