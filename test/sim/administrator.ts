// Who changes the members of a simulated cluster? An administrator who asks whoever seems to lead, never for what would
// leave no quorum of nodes with their disks, and who brings back those that have been removed, with an empty disk. It also
// checks what it is told, and that nobody is removed but by a committed configuration. Some nodes
// that are preferred are unfit, and give leadership away whenever they get it.
import type { Configuration, MemberKey, PlacedConfiguration } from "../../src/core/configuration.ts";
import type { ChangeSettled } from "../../src/core/effects.ts";
import type { ChangeRef } from "../../src/core/events.ts";
import { nextConfiguration, promotionsOf } from "../../src/core/next-configuration.ts";
import { drawChange } from "./changes.ts";
import type { Cluster } from "./cluster.ts";
import { areEnough, decidersOf, inForce } from "./deciders.ts";
import type { SimNode } from "./sim-node.ts";
import { Violation } from "../../src/sim/violation.ts";

/** In election timeouts: how long a change that was lost with its leader may still come out of the network. */
const echoMax = 12;

export class Administrator {
  readonly #cluster: Cluster;
  readonly #everyMs: number;
  /** Changes without an answer, and the life of the node that was asked. */
  readonly #asked = new Map<ChangeRef, { readonly node: SimNode; readonly life: number }>();
  /** Nodes whose state machine has stopped. */
  readonly #unfit = new Set<SimNode>();
  #refs = 0;
  #noWipeBeforeMs = 0;
  #isOver = false;

  constructor(cluster: Cluster) {
    const { chance, profile } = cluster.world;
    this.#cluster = cluster;
    this.#everyMs = profile.settings.electionTimeoutMs * chance.between(0.5, 3);
    this.#plan();
  }

  end(): void {
    this.#isOver = true;
  }

  #plan(): void {
    const { schedule, chance } = this.#cluster.world;
    schedule.after(chance.wait(this.#everyMs), () => {
      if (this.#isOver) return;
      if (chance.happens(0.8)) this.#askForChange();
      else this.#bringBack();
      this.#plan();
    });
  }

  #askForChange(): void {
    const { nodes, leader, world } = this.#cluster;
    const { chance, coverage, trace } = world;
    const running = nodes.filter(({ state }) => state?.genesis);
    if (running.length === 0) return;
    const node = leader !== null && chance.happens(0.9) ? leader : chance.pick(running);
    const placed = node.state?.log.configurations.at(-1);
    if (placed === undefined || placed.configuration.outgoing.length > 0) return;
    const { configuration, position } = placed;
    const spares = running
      .map(({ key }) => key)
      .filter((key) => configuration.members.every((each) => each.key !== key));
    const change = drawChange(configuration, spares, chance);
    if (!this.#isBearable(configuration, change)) return;
    const isGrowing =
      change.remove.length + change.demote.length === 0 && change.add.every(({ key }) => isNew(key, configuration));
    const expectedIndex = isGrowing && chance.happens(0.5) ? null : position.index;
    for (const { name } of change.prioritize) {
      const preferred = nodes.find(({ id }) => id === name);
      if (preferred !== undefined && chance.happens(0.15)) this.#unfit.add(preferred);
    }
    const ref = ++this.#refs;
    this.#asked.set(ref, { node, life: node.life });
    coverage.changes++;
    trace?.(`${world.schedule.nowMs.toFixed(2).padStart(10)} administrator asks ${node.id}`);
    node.deliver({ kind: "changeMembership", ref, change, expectedIndex });
  }

  /** What a node does whose state machine has stopped: again and again, for there may be nobody to hand over to. */
  onElected(node: SimNode): void {
    const { chance, profile, coverage } = this.#cluster.world;
    if (!this.#unfit.has(node)) return;
    node.later(profile.settings.electionTimeoutMs * chance.between(0.01, 1), () => {
      if (this.#isOver || node.leadsTerm === null) return;
      coverage.handedBack++;
      node.deliver({ kind: "transferLeadership", ref: 1, to: null });
      this.onElected(node);
    });
  }

  /** Whether a quorum has its disks after the change, and after whatever waits for learners then, in any order. */
  #isBearable(configuration: Configuration, change: Parameters<typeof nextConfiguration>[1]): boolean {
    const decision = nextConfiguration(configuration, change, []);
    if (decision.kind !== "append") return true;
    const after = decision.configuration;
    const single = { ...after, outgoing: [] };
    const outcomes = [after, promotionsOf(single, () => true)];
    for (const step of after.pending) outcomes.push(promotionsOf({ ...single, pending: [step] }, () => true));
    return outcomes.every((each) => each === null || areEnough(decidersOf(each), (key) => this.#isWhole(key)));
  }

  /** Whether this incarnation, with the disk that it has, still takes part, or will when its node is back. */
  #isWhole(key: MemberKey): boolean {
    const { nodes, damage } = this.#cluster;
    const node = nodes.find((each) => each.key === key && each.durable.removed === null);
    return node !== undefined && damage?.isWhole(node) !== false;
  }

  /** A node that has been removed, or that was wiped and told so, comes again with nothing, to be added. */
  #bringBack(): void {
    const { nodes, world } = this.#cluster;
    const gone = nodes.filter((node) => node.durable.removed !== null || node.halted !== null);
    if (gone.length === 0) return;
    const node = world.chance.pick(gone);
    if (node.isUp) return;
    if (node.durable.removed !== null) this.#cluster.replaceDisk(node);
    node.joins = true;
    world.coverage.broughtBack++;
    node.start();
  }

  /** Whether the cluster gets over the loss of this node's disk, or of a part of what it holds, whichever configuration may come to be in force. */
  mayLose(node: SimNode): boolean {
    const { world } = this.#cluster;
    this.#forgetLost();
    if (this.#asked.size > 0 || world.schedule.nowMs < this.#noWipeBeforeMs) return false;
    // Before there is a cluster a founder that does not know it would wait for ever to be added.
    if (world.safety.committed.length === 0) return false;
    const possible = this.#possibleConfigurations();
    if (possible.some(({ outgoing, pending }) => outgoing.length + pending.length > 0)) return false;
    const survives = (key: MemberKey): boolean => key !== node.key && this.#isWhole(key);
    return possible.every((each) => areEnough(decidersOf(each), survives));
  }

  #forgetLost(): void {
    const { schedule, profile } = this.#cluster.world;
    for (const [ref, { node, life }] of this.#asked) {
      if (node.life === life) continue;
      this.#asked.delete(ref);
      this.#noWipeBeforeMs = schedule.nowMs + echoMax * profile.settings.electionTimeoutMs;
    }
  }

  /** The committed one, and whatever comes after it in any log, on disk or not. */
  #possibleConfigurations(): readonly Configuration[] {
    const { nodes, world } = this.#cluster;
    const { committed } = world.safety;
    const genesis = nodes.find(({ durable }) => durable.genesis !== null)?.durable.genesis ?? null;
    const current = inForce(genesis, committed, committed.length);
    const after = nodes
      .flatMap(({ log, durable }) => [...log.slice(committed.length), ...durable.log.slice(committed.length)])
      .flatMap((entry) => (entry.kind === "configuration" ? [entry.configuration] : []));
    return current === null ? after : [current, ...after];
  }

  onSettled(node: SimNode, { ref, outcome }: ChangeSettled): void {
    const { coverage, safety } = this.#cluster.world;
    if (!this.#asked.delete(ref)) throw new Violation("a change is answered once", `${node.key} settles ${ref} again`);
    if (outcome.kind === "refused") coverage.changesRefused++;
    if (outcome.kind === "unknown") coverage.changesUnknown++;
    if (outcome.kind === "conflict") coverage.changesConflicting++;
    if (outcome.kind !== "done") return;
    coverage.changesDone++;
    const entry = safety.committed[outcome.index - 1] ?? node.log[outcome.index - 1];
    if (outcome.index > 0 && (entry?.kind !== "configuration" || entry.configuration.outgoing.length > 0)) {
      throw new Violation("a change that is done is complete", `no last configuration stands at ${outcome.index}`);
    }
  }

  /** P9: by what is committed, and never by what a peer says. */
  onRemoved(node: SimNode, { position }: PlacedConfiguration): void {
    const { coverage, safety } = this.#cluster.world;
    const entry = safety.committed[position.index - 1];
    const names = (configuration: Configuration): boolean => configuration.members.some(({ key }) => key === node.key);
    const isLeftOut = entry?.kind === "configuration" && entry.term === position.term && !names(entry.configuration);
    const wasNamed = safety.committed
      .slice(0, position.index)
      .some((earlier) => earlier.kind === "configuration" && names(earlier.configuration));
    const wasFounder = node.durable.genesis?.members.some(({ key }) => key === node.key) === true;
    if (!isLeftOut || !(wasNamed || wasFounder)) {
      throw new Violation("only who has left is removed", `${node.key} takes itself for removed by ${position.index}`);
    }
    coverage.removed++;
  }
}

const isNew = (key: MemberKey, { members }: Configuration): boolean => {
  const id = key.slice(0, key.indexOf("@"));
  return members.every((member) => !member.key.startsWith(`${id}@`));
};
