// A whole cluster from one seed: its nodes, their network, their clients, and everything that watches them.
import { type MemberKey } from "../../src/core/configuration.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { describeFault, describeHalt } from "../../src/core/describe.ts";
import { sharedPosition } from "../../src/core/histories.ts";
import { checkState, checkTransition } from "../../src/core/invariants.ts";
import { restore } from "../../src/core/restore.ts";
import { SessionTable } from "../../src/core/sessions.ts";
import { step } from "../../src/core/step.ts";
import { Administrator } from "./administrator.ts";
import { Chance } from "../../src/sim/chance.ts";
import { Clients } from "./clients.ts";
import { Commands } from "./commands.ts";
import { newCoverage } from "./coverage.ts";
import type { DiskImage } from "./disk.ts";
import { Faults } from "./faults.ts";
import { Network } from "./network.ts";
import { Damage } from "./damage.ts";
import { drawProfile, type ProfileName } from "./profiles.ts";
import { Promises } from "./promises.ts";
import { Reads } from "./reads.ts";
import { Safety } from "./safety.ts";
import { Schedule } from "../../src/sim/schedule.ts";
import { SimNode } from "./sim-node.ts";
import { Snapshots } from "./snapshots.ts";
import { Stranger } from "./stranger.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { Checks, Core, World } from "./world.ts";

export const realCore: Core = {
  step,
  restore,
  nextDeadlineMs,
  sharedPosition,
  SessionTable,
  checkState,
  checkTransition,
};

const unansweredMax = 200;
const sparesMax = 2;

export interface ClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly profile: ProfileName;
  readonly core: Core;
  readonly checks: Checks;
  readonly trace: ((line: string) => void) | null;
  /** Whether an administrator changes the members; some nodes then wait to be added. */
  readonly membership: boolean;
  /** Whether disks lose what they had confirmed, and whether nodes have a mark to notice it by. */
  readonly damage: "none" | "noticed" | "unnoticed";
  /** Whether a node that was never added lies to the others. */
  readonly stranger: boolean;
}

export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly faults: Faults;
  /** Null while members stay as they were founded. */
  readonly administrator: Administrator | null;
  /** Null while disks keep what they have confirmed. */
  readonly damage: Damage | null;
  readonly #disks = new Map<MemberKey, DiskImage>();
  #isQuiet = false;

  constructor(options: ClusterOptions) {
    const chance = new Chance(options.seed);
    const ids = Array.from({ length: options.nodes }, (_, at) => `n${at + 1}`);
    const coverage = newCoverage();
    const safety = new Safety();
    const profile = drawProfile(options.profile, chance);
    const schedule = new Schedule();
    this.world = {
      core: options.core,
      checks: options.checks,
      profile,
      chance,
      schedule,
      safety,
      promises: new Promises((leaderTerm, index, term) => safety.leaderHolds(leaderTerm, index, term)),
      commands: new Commands(coverage),
      snapshots: new Snapshots(),
      clients: new Clients(chance, coverage, profile.settings.electionTimeoutMs),
      reads: new Reads(coverage, () => schedule.nowMs),
      coverage,
      bootstrap: ids.map((id) => ({ id, address: `${id}:7400` })),
      disks: this.#disks,
      onElected: (node) => {
        this.faults.onElected(node);
        this.administrator?.onElected(node);
      },
      onLeaderCommit: (node) => this.#onLeaderCommit(node),
      onVoted: (node) => this.faults.onVoted(node),
      onStarting: (node) => this.damage?.onStarting(node),
      onCrashed: (node) => this.damage?.onCrashed(node),
      onHalted: (node) => this.#onHalted(node),
      onChangeSettled: (node, settled) => this.administrator?.onSettled(node, settled),
      onFollowerFault: (node, { of, fault }) => {
        if (this.damage !== null) return;
        throw new Violation(
          "no log loses anything or forks here",
          `${node.key} finds that ${of} ${describeFault(fault)}`,
        );
      },
      onRemoved: (node, by) => this.administrator?.onRemoved(node, by),
      trace: options.trace,
    };
    this.network = new Network(this.world);
    const spares = options.membership ? sparesMax : 0;
    const spareIds = Array.from({ length: spares }, (_, at) => `n${options.nodes + at + 1}`);
    this.nodes = [...ids, ...spareIds].map((id) => new SimNode(id, this.world, this.network));
    for (const node of this.nodes) {
      node.joins = spareIds.includes(node.id);
      this.network.join(node);
      this.#disks.set(node.key, node.durable);
    }
    this.faults = new Faults(this);
    this.administrator = options.membership ? new Administrator(this) : null;
    this.damage = options.damage === "none" ? null : new Damage(this, options.damage === "noticed");
    this.#found();
    this.#load();
    this.#actAsClients();
    if (options.stranger) new Stranger(this, options.seed).lieOn();
  }

  /** The node that leads, in the highest term if there are several. */
  get leader(): SimNode | null {
    let leader: SimNode | null = null;
    for (const node of this.nodes) {
      if (node.leadsTerm !== null && node.leadsTerm > (leader?.leadsTerm ?? 0)) leader = node;
    }
    return leader;
  }

  /** The nodes that are members of the cluster with the disk they have: as its leader has it, or its genesis. */
  get members(): readonly SimNode[] {
    const configuration = this.leader?.state?.log.configurations.at(-1)?.configuration;
    if (configuration === undefined) return this.nodes.filter((node) => !this.#isReplaced(node));
    // One that was added again before it knew that it had been removed comes back only with an empty disk.
    const isMember = ({ key, durable }: SimNode): boolean =>
      durable.removed === null && configuration.members.some((member) => member.key === key);
    return this.nodes.filter(isMember);
  }

  propose(node: SimNode, count: number): void {
    const { commands, chance, profile } = this.world;
    if (!node.isUp) return;
    node.propose(Array.from({ length: count }, () => commands.issue(chance, profile.payloadBytesMax)));
  }

  /** The node gets an empty disk; what the cluster was told by the old one still counts. */
  replaceDisk(node: SimNode): void {
    node.disk.wipe();
    this.damage?.onReplaced(node);
    this.#disks.set(node.key, node.durable);
  }

  /** The founders start one after the other, and some of them crash before there is a cluster. */
  #found(): void {
    const { schedule, chance, profile } = this.world;
    const timeoutMs = profile.settings.electionTimeoutMs;
    for (const node of this.nodes) {
      const startMs = chance.between(0, timeoutMs * 2);
      schedule.at(startMs, () => node.start());
      if (!chance.happens(profile.foundingCrash)) continue;
      schedule.at(startMs + chance.between(0, timeoutMs * 2), () => {
        node.crash();
        const { life } = node;
        schedule.after(chance.between(0, timeoutMs), () => {
          if (life === node.life) node.start();
        });
      });
    }
  }

  /** No more commands from clients. */
  quieten(): void {
    this.#isQuiet = true;
  }

  #load(): void {
    const { schedule, chance, profile } = this.world;
    schedule.after(chance.wait(profile.proposeEveryMs), () => {
      if (this.#isQuiet) return;
      // Clients know the leader most of the time, and often one that leads no longer.
      const leaders = this.nodes.filter((node) => node.leadsTerm !== null);
      const node = leaders.length > 0 && chance.happens(0.8) ? chance.pick(leaders) : chance.pick(this.nodes);
      // A client waits for answers before it sends more.
      if (node.waiting.size < unansweredMax) this.propose(node, 1 + chance.below(profile.batchMax));
      // Reads go to any node, and most of all to those that take themselves for the leader.
      for (const each of this.nodes) if (chance.happens(each.leadsTerm === null ? 0.2 : 0.7)) each.read();
      this.#load();
    });
  }

  /** Clients with sessions try any node, those that are down or asleep as well: copies arrive late, or never. */
  #actAsClients(): void {
    const { schedule, chance, profile, clients } = this.world;
    schedule.after(chance.wait(profile.proposeEveryMs), () => {
      if (this.#isQuiet) return;
      const { copies, propose } = clients.act();
      const leaders = this.nodes.filter((node) => node.leadsTerm !== null);
      for (let copy = 0; copy < copies; copy++) {
        const node = leaders.length > 0 && chance.happens(0.7) ? chance.pick(leaders) : chance.pick(this.nodes);
        const proposal = propose();
        // Some take their time: the client may long have its answer from another one.
        const travelMs = chance.happens(0.15) ? chance.wait(2 * profile.settings.electionTimeoutMs) : 0;
        schedule.after(travelMs, () => {
          if (node.waiting.size < unansweredMax) node.propose([proposal]);
        });
      }
      this.#actAsClients();
    });
  }

  /** Clients of a leader that another one has replaced ask it now, if ever. */
  #onLeaderCommit(node: SimNode): void {
    this.faults.onLeaderCommit(node);
    if (this.#isQuiet) return;
    for (const other of this.nodes) if (other !== node && other.leadsTerm !== null) other.read();
  }

  /** Only an incarnation that the cluster was founded without may halt, and only if it does not wait to be added (P42). */
  #onHalted(node: SimNode): void {
    const { coverage } = this.world;
    const { halted } = node;
    if (this.damage?.onHalted(node) === true) return;
    if (halted?.kind === "lost" || halted?.kind === "diverged") {
      throw new Violation("no log loses anything or forks here", `${node.key}: ${describeHalt(halted)}`);
    }
    if (node.joins || !this.#isReplaced(node)) throw new Violation("only a wiped node halts", `${node.key} halts`);
    if (node.halted?.kind === "wiped") coverage.wipedHalted++;
  }

  /** Whether the cluster was founded with another incarnation of this node. */
  #isReplaced(node: SimNode): boolean {
    const genesis = this.nodes.find((other) => other.durable.genesis !== null)?.durable.genesis;
    return genesis !== undefined && genesis !== null && !genesis.members.some(({ key }) => key === node.key);
  }
}
