// What do disks do to a cluster that lose what they had confirmed? At a crash a disk may lose the end of its log, go back to an
// earlier state as a whole, or forget its vote. A node that starts compares its disk with its mark (the log store does so in a
// real one) and sets aside what is less. Never so many at once that the others are no quorum: then nobody could refill them.
//
// And what if a log holds another history, with checksums that fit? One entry that all disks hold is changed on one of them. A
// node that finds it out halts, and the administrator has the changed one refilled.
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeHalt } from "../../src/core/describe.ts";
import type { CommandEntry, Entry } from "../../src/core/entry.ts";
import type { Term } from "../../src/core/log-position.ts";
import type { Cluster } from "./cluster.ts";
import { DiskImage } from "./disk.ts";
import type { SimNode } from "./sim-node.ts";
import { Violation } from "../../src/sim/violation.ts";

/** What a node remembers beside its disk. */
interface Mark {
  readonly clusterUuid: string | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  readonly last: { readonly index: number; readonly term: Term };
}

const kinds = ["rollBack", "loseLog", "forgetVote", "forge"] as const;

export class Damage {
  readonly #cluster: Cluster;
  readonly #hasMark: boolean;
  /** Of nodes that are down, or that have been found to have lost something and have not started yet. */
  readonly #marks = new Map<SimNode, Mark>();
  /** Its log holds another history, and nobody knows it yet. */
  #forged: SimNode | null = null;
  #isOver = false;

  constructor(cluster: Cluster, hasMark: boolean) {
    this.#cluster = cluster;
    this.#hasMark = hasMark;
    for (const { disk } of cluster.nodes) disk.keepsPast = true;
  }

  /** No disk loses anything any more. */
  end(): void {
    this.#isOver = true;
  }

  onCrashed(node: SimNode): void {
    const { chance, coverage } = this.#cluster.world;
    if (this.#isOver || !chance.happens(0.4)) return;
    this.#marks.set(node, markOf(node.durable));
    if (!this.isBearable(node)) return;
    const kind = chance.pick(kinds);
    if (kind === "forge") return this.#forge(node);
    const past = node.disk.past(chance);
    if (past === null) return;
    this.#cluster.world.trace?.(`${" ".repeat(11)}${node.id} has a damaged disk: ${kind}`);
    coverage.damages++;
    damage(node.durable, past, kind);
  }

  /** Its disk and its mark are new. */
  onReplaced(node: SimNode): void {
    this.#marks.delete(node);
    if (this.#forged === node) this.#forged = null;
  }

  /** The store looks at the disk before the node does. */
  onStarting(node: SimNode): void {
    const mark = this.#marks.get(node);
    this.#marks.delete(node);
    if (mark === undefined || !this.#hasMark || isAllThere(node.durable, mark)) return;
    this.#cluster.world.coverage.damagesNoticed++;
    this.#setAside(node, mark);
  }

  /** Whether the halt is one that damage explains; then what is wrong is made good. */
  onHalted(node: SimNode): boolean {
    const { halted } = node;
    if (halted?.kind === "lost") throw new Violation("a node notices by itself what it has lost", describeHalt(halted));
    if (halted?.kind !== "diverged") return false;
    const { chance, coverage, profile, schedule } = this.#cluster.world;
    if (coverage.forgeries === 0) throw new Violation("there is one history", `${node.key}: ${describeHalt(halted)}`);
    const forged = this.#forged;
    this.#forged = null;
    // What the changed one has sent may be on its way still: then another node halts that is as right as the first.
    if (forged !== null) coverage.forgeriesNoticed++;
    // Not within the turn that it is taking.
    schedule.after(0, () => {
      if (forged !== null) this.#refill(forged);
      for (const each of new Set([node, forged ?? node])) this.#startLater(each, chance.from(profile.downMs));
    });
    return true;
  }

  /** The administrator has decided. */
  #refill(node: SimNode): void {
    node.crash();
    this.#marks.delete(node);
    this.#setAside(node, markOf(node.durable));
  }

  #startLater(node: SimNode, delayMs: number): void {
    this.#cluster.world.schedule.after(delayMs, () => {
      if (!node.isUp) node.start();
    });
  }

  /** A damaged node has an empty log, the term and the vote of before, and abstains. */
  #setAside({ disk, durable }: SimNode, { clusterUuid, currentTerm, votedFor }: Mark): void {
    const before = durable.copy();
    durable.become(new DiskImage(durable.key));
    disk.forgetPast();
    durable.before = before;
    if (clusterUuid === null && currentTerm === 0) return;
    durable.currentTerm = currentTerm;
    durable.votedFor = votedFor;
    durable.refill = { finding: "the disk has lost something", clusterUuid };
  }

  /** Whether the other nodes that are whole remain a majority; one at a time while a log is forged. */
  isBearable(node: SimNode): boolean {
    const { nodes, world, administrator } = this.#cluster;
    if (this.#forged !== null) return false;
    if (administrator !== null) return administrator.mayLose(node);
    const broken = nodes.filter((each) => each === node || !this.isWhole(each));
    return broken.length + world.coverage.wipes <= Math.floor((nodes.length - 1) / 2);
  }

  /** Whether its disk holds what it has confirmed. */
  isWhole(node: SimNode): boolean {
    return node.durable.refill === null && !this.#isLess(node);
  }

  #isLess(node: SimNode): boolean {
    const mark = this.#marks.get(node);
    return mark !== undefined && !isAllThere(node.durable, mark);
  }

  /** Changes an entry that every disk holds and that this node has yet to apply when it starts. */
  #forge(node: SimNode): void {
    const { nodes, world } = this.#cluster;
    const isWhole = nodes.every((each) => this.isWhole(each)) && world.coverage.wipes === 0;
    const { durable } = node;
    const place = durable.log.findIndex(
      (entry, at) =>
        at >= (durable.snapshot?.position.index ?? 0) &&
        entry.kind === "command" &&
        world.safety.committed[at] === entry &&
        nodes.every((other) => at >= other.durable.base.index && other.durable.log[at] === entry),
    );
    if (!isWhole || place < 0) return;
    const entry = durable.log[place] as CommandEntry;
    world.trace?.(`${" ".repeat(11)}${node.id} has another entry ${entry.index}`);
    world.coverage.forgeries++;
    durable.log[place] = { ...entry, payload: Uint8Array.from([...entry.payload, 1]) } satisfies Entry;
    this.#forged = node;
  }
}

function markOf({ genesis, refill, currentTerm, votedFor, log, base }: DiskImage): Mark {
  const { index, term } = log.length > base.index ? log.at(-1)! : base;
  const clusterUuid = genesis?.clusterUuid ?? refill?.clusterUuid ?? null;
  return { clusterUuid, currentTerm, votedFor, last: { index, term } };
}

/** Whether the disk holds everything that was confirmed. */
function isAllThere(disk: DiskImage, { clusterUuid, currentTerm, votedFor, last }: Mark): boolean {
  if (markOf(disk).clusterUuid !== clusterUuid || disk.currentTerm !== currentTerm) return false;
  return disk.votedFor === votedFor && (last.index === 0 || disk.holds(last.index, last.term));
}

function damage(disk: DiskImage, past: DiskImage, kind: "rollBack" | "loseLog" | "forgetVote"): void {
  const { currentTerm, votedFor, log } = disk;
  if (kind === "forgetVote") {
    // A log never holds a term that its vote has not reached: they are written together.
    disk.currentTerm = Math.max(past.currentTerm, log.at(-1)?.term ?? 0);
    disk.votedFor = disk.currentTerm === past.currentTerm ? past.votedFor : null;
    return;
  }
  const before = disk.copy();
  disk.become(past);
  disk.before = before;
  if (kind !== "loseLog" || disk.genesis === null) return;
  disk.currentTerm = currentTerm;
  disk.votedFor = votedFor;
}
