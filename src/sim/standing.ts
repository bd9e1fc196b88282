// Who counts in a simulated cluster, by what really is in the logs and on the disks: which configuration governs, which others may
// come to be in force, and whether the cluster gets over the loss of one more disk.
import type { Configuration, MemberKey, PlacedConfiguration } from "../core/configuration.ts";
import { areEnough } from "./deciders.ts";
import { genesisConfiguration } from "../core/genesis.ts";
import { type LogPosition, logStart } from "../core/log-position.ts";
import { promotionsOf } from "../core/next-configuration.ts";
import type { State } from "../core/state.ts";
import type { Member } from "./member.ts";

export class Standing {
  readonly #members: readonly Member[];
  readonly #broken: (what: string) => void;
  /** How far anybody knows the log to be committed. */
  #committed = 0;
  /** The latest committed configuration; null before there is a cluster. */
  #governing: PlacedConfiguration | null = null;
  /** The terms of the committed configurations, by their indices. */
  readonly #committedTerms = new Map<number, number>();
  readonly #removed = new Set<MemberKey>();

  constructor(members: readonly Member[], broken: (what: string) => void) {
    this.#members = members;
    this.#broken = broken;
  }

  /** Null before there is a cluster. */
  get governing(): Configuration | null {
    return this.#governing?.configuration ?? null;
  }

  /** How many configurations have been committed. */
  get changes(): number {
    return this.#committedTerms.size;
  }

  /** After each event, of each node that runs. */
  look(state: State): void {
    if (state.genesis === null) return;
    // A genesis that no quorum knows is lost with the disk of the founder that wrote it.
    if (state.commitIndex > this.#committed) this.#advance(state);
    if (state.removed !== null && !this.#removed.has(state.self)) this.#onRemoved(state.self, state.removed);
  }

  #advance({ genesis, commitIndex, log }: State): void {
    const founding = { position: logStart, configuration: genesisConfiguration(genesis!) };
    for (const { position } of log.configurations) {
      if (position.index > this.#committed && position.index <= commitIndex) this.#onCommitted(position);
    }
    this.#committed = commitIndex;
    const known = this.#governing ?? founding;
    this.#governing =
      log.configurations.findLast(({ position }) => position.index <= commitIndex && position.index > 0) ?? known;
  }

  #onCommitted({ index, term }: LogPosition): void {
    this.#committedTerms.set(index, term);
  }

  /** By a committed configuration that leaves it out, and never by what a peer says. */
  #onRemoved(self: MemberKey, { position, configuration }: PlacedConfiguration): void {
    this.#removed.add(self);
    const term = this.#committedTerms.get(position.index) ?? position.term;
    const isLeftOut = configuration.members.every(({ key }) => key !== self);
    if (position.index <= this.#committed && term === position.term && isLeftOut) return;
    this.#broken(`${self} takes itself for removed by the configuration at ${position.index}`);
  }

  /** The one that governs, and whatever comes after it in any log, on disk or not. */
  possible(): readonly Configuration[] {
    const later = this.#members.flatMap((member) => member.configurations());
    const uncommitted = later.filter(({ position }) => position.index > this.#committed);
    const all = this.#governing === null ? uncommitted : [this.#governing, ...uncommitted];
    return all.map(({ configuration }) => configuration);
  }

  /** Whether this incarnation, with the disk that it has, takes part, or will when its node is back. */
  isWhole(key: MemberKey): boolean {
    return this.#members.some((member) => member.key === key && member.isWhole);
  }

  /** Whether a quorum has its disks in this configuration, and after whatever waits in it for learners, in any order. */
  isBearable(configuration: Configuration): boolean {
    const single = { ...configuration, outgoing: [] };
    const outcomes = [configuration, promotionsOf(single, () => true)];
    for (const step of configuration.pending) outcomes.push(promotionsOf({ ...single, pending: [step] }, () => true));
    return outcomes.every((each) => each === null || areEnough(each, (key) => this.isWhole(key)));
  }

  /** Whether the cluster gets over the loss of what is on this disk, whichever configuration may come to be in force. */
  mayLose(member: Member): boolean {
    // Before there is a cluster a founder that comes again would be waited for in vain.
    if (this.#governing === null) return false;
    const possible = this.possible();
    if (possible.some(({ outgoing, pending }) => outgoing.length + pending.length > 0)) return false;
    return possible.every((each) => areEnough(each, (key) => key !== member.key && this.isWhole(key)));
  }

  /** The most of these machines, in their order, without which the cluster has to serve, whichever configuration may come to be in force. */
  spare(machines: readonly Member[]): readonly Member[] {
    const possible = this.possible();
    const mayChange = possible.some(({ outgoing, pending }) => outgoing.length + pending.length > 0);
    if (this.#governing === null || mayChange) return [];
    const spared = new Set<MemberKey | null>();
    return machines.filter(({ key }) => {
      const remains = (each: MemberKey): boolean => each !== key && !spared.has(each) && this.isWhole(each);
      const isSpare = possible.every((configuration) => areEnough(configuration, remains));
      if (isSpare) spared.add(key);
      return isSpare;
    });
  }
}
