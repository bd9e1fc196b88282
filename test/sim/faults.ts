// What goes wrong, and when? Faults come at random moments, as often and of the kinds that the seed's profile says, and
// most of them end by themselves. Some take the leader of all nodes, at the moment that hurts most.
import type { Cluster } from "./cluster.ts";
import type { FaultName } from "./profiles.ts";
import type { SimNode } from "./sim-node.ts";

export class Faults {
  readonly #cluster: Cluster;
  #isOver = false;
  /** Rises with each partition: one that is replaced by another is not healed by its own end. */
  #partitions = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#plan();
  }

  /** From now on nothing goes wrong any more, and everything that is wrong is made good. */
  end(): void {
    this.#isOver = true;
    const { network, nodes, world } = this.#cluster;
    const timeoutMs = world.profile.settings.electionTimeoutMs;
    network.weather = {
      ...network.weather,
      drop: 0,
      duplicate: 0,
      detour: 0,
      delayMs: { low: 0, high: timeoutMs * 0.01 },
    };
    network.heal();
    world.snapshots.getWell();
    for (const node of nodes) {
      node.disk.getWell();
      node.resume();
      if (!node.isUp) node.start();
    }
    network.renew();
  }

  #plan(): void {
    const { world } = this.#cluster;
    world.schedule.after(world.chance.wait(world.profile.faultEveryMs), () => {
      if (this.#isOver) return;
      this.#strike(world.chance.weighted(world.profile.faults));
      this.#plan();
    });
  }

  #strike(fault: FaultName): void {
    const { nodes, network, world } = this.#cluster;
    const { chance } = world;
    const leader = this.#cluster.leader;
    world.trace?.(`${world.schedule.nowMs.toFixed(2).padStart(10)} fault: ${fault}`);
    switch (fault) {
      case "partition":
        return this.#split(chance.shuffled(nodes).slice(0, 1 + chance.below(nodes.length - 1)));
      case "isolateLeader":
        return leader === null ? undefined : this.#split([leader]);
      case "oneWay":
        return this.#cutOneWay();
      case "heal":
        return network.heal();
      case "reset":
        return network.reset(...(chance.shuffled(nodes).slice(0, 2) as [SimNode, SimNode]));
      case "crash":
        return this.#crash(chance.pick(nodes));
      case "crashLeader":
        return leader === null ? undefined : this.#crash(leader);
      case "powerCut":
        return nodes.forEach((node) => this.#crash(node));
      case "pause":
        return this.#pause(chance.pick(nodes));
      case "pauseLeader":
        return leader === null ? undefined : this.#pause(leader);
      case "wipe":
        return this.#wipe(chance.pick(nodes));
      case "stall":
        return chance.pick(nodes).disk.stall(chance.from(world.profile.pauseMs));
      case "transfer":
        return this.#transfer(leader);
    }
  }

  /** Nothing passes between `side` and the rest. */
  #split(side: readonly SimNode[]): void {
    const { network, nodes, world } = this.#cluster;
    world.coverage.partitions++;
    network.heal();
    for (const near of side) {
      for (const far of nodes) {
        if (side.includes(far)) continue;
        network.block(near, far);
        network.block(far, near);
        if (world.chance.happens(0.3)) network.reset(near, far);
      }
    }
    this.#healLater();
  }

  #cutOneWay(): void {
    const { network, nodes, world } = this.#cluster;
    world.coverage.oneWayPartitions++;
    const mute = world.chance.pick(nodes);
    const isDeaf = world.chance.happens(0.5);
    for (const other of nodes) {
      if (other === mute || world.chance.happens(0.3)) continue;
      if (isDeaf) network.block(other, mute);
      else network.block(mute, other);
    }
    this.#healLater();
  }

  #healLater(): void {
    const { network, world } = this.#cluster;
    const partition = ++this.#partitions;
    world.schedule.after(world.chance.from(world.profile.partitionMs), () => {
      if (partition === this.#partitions) network.heal();
    });
  }

  #crash(node: SimNode): void {
    const { world } = this.#cluster;
    if (!node.isUp) return;
    node.crash();
    this.#startLater(node, world.chance.from(world.profile.downMs));
  }

  #startLater(node: SimNode, delayMs: number): void {
    const { life } = node;
    this.#cluster.world.schedule.after(delayMs, () => {
      if (node.life === life) node.start();
    });
  }

  #pause(node: SimNode): void {
    const { world } = this.#cluster;
    if (!node.isUp || node.isPaused) return;
    node.pause();
    const { life } = node;
    world.schedule.after(world.chance.from(world.profile.pauseMs), () => {
      if (node.life === life) node.resume();
    });
  }

  /** Its machine is replaced, its configuration file is not; never so often that no quorum would be left. */
  #wipe(node: SimNode): void {
    const { world, nodes, administrator } = this.#cluster;
    const isBearable = administrator?.mayLose(node) ?? world.coverage.wipes < Math.floor((nodes.length - 1) / 2);
    if (!isBearable || this.#cluster.damage?.isBearable(node) === false) return;
    node.crash();
    this.#cluster.replaceDisk(node);
    world.coverage.wipes++;
    // Whoever replaces the machine may or may not think of the table of founders in its configuration file.
    if (administrator !== null && world.chance.happens(0.6)) node.joins = true;
    this.#startLater(node, world.chance.from(world.profile.downMs));
  }

  #transfer(leader: SimNode | null): void {
    const { nodes, world } = this.#cluster;
    const node = leader === null || world.chance.happens(0.1) ? world.chance.pick(nodes) : leader;
    const to = world.chance.happens(0.3) ? null : world.chance.pick(nodes).id;
    node.deliver({ kind: "transferLeadership", ref: 1, to });
  }

  /** Figure 3.7: a leader is cut off with a few followers as soon as it leads, and crashes when they have heard it. */
  onElected(leader: SimNode): void {
    const { world, nodes } = this.#cluster;
    const { chance, schedule, profile } = world;
    if (this.#isOver || !chance.happens(profile.rotation)) return;
    const others = chance.shuffled(nodes.filter((node) => node !== leader));
    this.#split([leader, ...others.slice(0, chance.below(Math.ceil(nodes.length / 2)))]);
    this.#cluster.propose(leader, 1 + chance.below(3));
    const { life } = leader;
    schedule.after(profile.settings.electionTimeoutMs * chance.between(0.01, 0.4), () => {
      if (leader.life !== life) return;
      this.#crash(leader);
      this.#cluster.network.heal();
    });
  }

  /** And once it takes something for committed, it has no time to tell. */
  onLeaderCommit(leader: SimNode): void {
    const { profile, chance } = this.#cluster.world;
    if (chance.happens(profile.rotation * 0.5)) this.#crashSoon(leader, chance.from(profile.downMs));
  }

  /** A voter is gone with its answer on the way, and back before the next candidate asks. */
  onVoted(voter: SimNode): void {
    const { profile, chance } = this.#cluster.world;
    const timeoutMs = profile.settings.electionTimeoutMs;
    if (chance.happens(profile.voterCrash)) this.#crashSoon(voter, timeoutMs * chance.between(0, 0.05));
  }

  /** Not within the turn that it is taking. */
  #crashSoon(node: SimNode, downMs: number): void {
    const { life } = node;
    this.#cluster.world.schedule.after(0, () => {
      if (this.#isOver || node.life !== life) return;
      node.crash();
      this.#startLater(node, downMs);
    });
  }
}
