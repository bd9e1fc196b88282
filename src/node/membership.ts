// All that a node does about who belongs to the cluster, beside the core that decides it: it keeps connections with the right
// nodes, finds a cluster to join, tells those that are no members who is one, and lets newcomers be tried before they are added.
import {
  isMember,
  type MemberKey,
  type NodeId,
  nodeIdOf,
  toMemberKey,
  type PlacedConfiguration,
} from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { ChangeOutcome, MembershipChange } from "../core/membership-change.ts";
import type { State } from "../core/state.ts";
import type { ChangeSettled } from "../core/effects.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { CopyMessage } from "../ports/copy-messages.ts";
import type { ConditionNotice, NodeMessage } from "../ports/node-messages.ts";
import type { PeerIdentity, Transport } from "../ports/transport.ts";
import { howToMove } from "./how-to-move.ts";
import { Joining } from "./joining.ts";
import type { ArrivedEvent } from "./mailbox.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { MovedMembers } from "./moved-members.ts";
import { type Acquaintance, type Peer, peersOf } from "./peers.ts";
import { ReachAnswers } from "./reach-answers.ts";
import { Reaching, type Verdict } from "./reaching.ts";

export interface MembershipModules {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeMembershipOptions {
  readonly id: NodeId;
  /** `host:port` where others reach this node. */
  readonly address: string;
  readonly bootstrap: readonly Peer[] | null;
  /** Addresses of a cluster to join. */
  readonly join: readonly string[] | null;
  readonly state: () => State;
  readonly arrive: (event: ArrivedEvent) => void;
}

/** What of a state decides with whom connections are kept. */
type Circle = readonly [PlacedConfiguration | undefined, State["removed"], ReadonlyMap<MemberKey, unknown> | null];

export class NodeMembership {
  readonly #modules: MembershipModules;
  readonly #options: NodeMembershipOptions;
  readonly #changes = new MembershipChanges();
  readonly #answers = new Set<Promise<void>>();
  readonly #joining: Joining;
  readonly #reaching: Reaching;
  readonly #reachAnswers: ReachAnswers;
  readonly #moved: MovedMembers;
  /** Who is connected, member or not. */
  readonly #connected = new Set<MemberKey>();
  #circle: Circle | null = null;
  #peers: readonly Peer[] = [];
  #knowsGenesis = false;
  #hasSaidThatItWaits = false;

  constructor(modules: MembershipModules, options: NodeMembershipOptions) {
    const { id: self, join } = options;
    this.#modules = modules;
    this.#options = options;
    this.#joining = new Joining({ self, addresses: join ?? [], ...modules, changed: () => this.#meet() });
    this.#reaching = new Reaching({ self, ...modules });
    this.#reachAnswers = new ReachAnswers(modules);
    this.#moved = new MovedMembers({
      addresses: [...(join ?? []), ...(options.bootstrap ?? []).map(({ address }) => address)],
      self: () => options.state().self,
      ownAddress: options.address,
      members: () => latestConfiguration(options.state().log)?.members ?? [],
      howToMove: (key, address) => howToMove(latestConfiguration(options.state().log), key, address),
      ...modules,
      changed: () => this.#meet(),
    });
  }

  /** What is known of others beside the log. */
  get acquaintance(): Acquaintance {
    const { list, contacts } = this.#joining;
    return { bootstrap: this.#options.bootstrap, list, contacts };
  }

  /** Of a node that joins: the addresses where nobody has been found, with the reasons. */
  get notFound(): readonly string[] {
    return this.#joining.missing;
  }

  start(): void {
    this.#knowsGenesis = this.#options.state().genesis !== null;
    this.#joining.start();
    this.#moved.start();
    this.onTurned();
  }

  /** Resolves once every change that the core was asked for has been answered. */
  async stop(): Promise<void> {
    this.#joining.stop();
    this.#moved.stop();
    this.#changes.end();
    await Promise.allSettled(this.#answers);
  }

  /** After each turn: the log may have other members. */
  onTurned(): void {
    const { log, removed, role, genesis, durability } = this.#options.state();
    if (!this.#knowsGenesis && genesis !== null && durability.confirmed >= durability.issued) {
      this.#knowsGenesis = true;
      for (const key of this.#strangers()) this.#modules.transport.send(key, { kind: "genesisNotice", genesis });
    }
    const latest = log.configurations.at(-1);
    const farewells = role.kind === "leader" ? role.administration.farewells : null;
    const [before, removedBefore, farewellsBefore] = this.#circle ?? [];
    const isSame = latest === before && removed === removedBefore && farewells === farewellsBefore;
    if (this.#circle !== null && isSame) return;
    this.#circle = [latest, removed, farewells];
    this.#meet();
    if (latest !== before) for (const key of this.#strangers()) this.#tell(key);
  }

  /** Whether the node of this id that is connected, if one is, has the data of this member. */
  isConnected(key: MemberKey): boolean {
    return key === this.#options.state().self || this.#connected.has(key);
  }

  onPeerConnected({ id, incarnation }: PeerIdentity): void {
    const key = toMemberKey(id, incarnation);
    this.#connected.add(key);
    if (this.#isStranger(key)) this.#tell(key);
  }

  onPeerDisconnected({ id, incarnation }: PeerIdentity): void {
    this.#connected.delete(toMemberKey(id, incarnation));
  }

  onMessage(from: MemberKey, message: Exclude<NodeMessage, ConditionNotice | CopyMessage>): void {
    switch (message.kind) {
      case "reachRequest":
        // Who is no member has nobody to add, and may not have this node dial whatever it likes.
        if (!this.#isStranger(from)) this.#reachAnswers.onRequest(from, message);
        return;
      case "reachReply":
        return this.#reaching.onReply(from, message);
      case "memberList":
        // Who is a member has its own log to go by.
        if (this.#isStranger(this.#options.state().self)) this.#joining.onMemberList(from, message);
        return;
    }
  }

  /** Whether this node and those voters reach it. Takes some seconds at the most when they do not; never rejects. */
  reach(newcomer: Peer, voters: readonly MemberKey[]): Promise<Verdict> {
    return this.#reaching.find(newcomer, voters);
  }

  /** Hands a change to the core. Never rejects; may take as long as a learner takes to catch up. */
  change(change: MembershipChange, expectedIndex: LogIndex | null): Promise<ChangeOutcome> {
    return this.#changes.ask(change, expectedIndex, this.#options.arrive);
  }

  /** `answered` resolves when the client has been told what became of its change. The node does not end before. */
  async untilAnswered(answered: Promise<void>): Promise<void> {
    this.#answers.add(answered);
    await answered;
    this.#answers.delete(answered);
  }

  settle({ ref, outcome }: ChangeSettled): void {
    this.#changes.settle(ref, outcome);
  }

  #meet(): void {
    const state = this.#options.state();
    const peers = peersOf(state, this.acquaintance, this.#moved.addressOf);
    const isSame = peers.length === this.#peers.length && peers.every((peer, at) => isSamePeer(peer, this.#peers[at]));
    if (!isSame) this.#modules.transport.setPeers(peers);
    this.#peers = peers;
    this.#sayThatItWaits(state);
  }

  #sayThatItWaits({ genesis, self, log, removed }: State): void {
    const { list } = this.#joining;
    if (this.#hasSaidThatItWaits || genesis === null || list === null) return;
    if (list.members.some(({ key }) => key === self)) return;
    // Who has been a member does not come back with its data.
    const wasMember = log.configurations.some(({ configuration }) => isMember(configuration, self));
    if (wasMember || removed !== null || genesis.members.some(({ key }) => key === self)) return;
    this.#hasSaidThatItWaits = true;
    const { id, address } = this.#options;
    const replaces = list.members.some(({ key }) => nodeIdOf(key) === id);
    const what = replaces
      ? `${id} has other data than the member ${id}, and waits to take its place`
      : `${id} waits to be added`;
    this.#modules.logger.log("info", `${what}; say: ${howToAdd(id, address)}`);
  }

  #strangers(): readonly MemberKey[] {
    return [...this.#connected].filter((key) => this.#isStranger(key));
  }

  #isStranger(key: MemberKey): boolean {
    const configuration = latestConfiguration(this.#options.state().log);
    return configuration === null || !isMember(configuration, key);
  }

  /** Members know who is one, and whoever was a member knows who was one then. */
  #tell(to: MemberKey): void {
    const { log, self, removed } = this.#options.state();
    const latest = log.configurations.at(-1);
    const known = removed ?? (latest !== undefined && isMember(latest.configuration, self) ? latest : null);
    if (known === null) return;
    const { position, configuration } = known;
    this.#modules.transport.send(to, { kind: "memberList", index: position.index, members: configuration.members });
  }
}

/** The command that adds it. */
const howToAdd = (id: NodeId, address: string): string => `graft cluster add ${id} ${address}`;

const isSamePeer = (one: Peer, other: Peer | undefined): boolean =>
  one.id === other?.id && one.address === other.address;
