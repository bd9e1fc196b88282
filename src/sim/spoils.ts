// What becomes of a copy of the state machine that goes wrong? Its result at one command is another than on the other nodes, or a field of its
// state is changed, which later results show or only the content. Its node has to name it with the right range, must show nothing of it
// then, and has to come by a right state. No copy that is right may be condemned.
import { isQuorum } from "../core/quorum.ts";
import type { LogIndex } from "../core/log-position.ts";
import { type Configuration, incarnationOf, type MemberKey } from "../core/configuration.ts";
import type { FirstDifference, OwnCopy } from "../node/own-copy.ts";
import type { CopyStanding } from "../ports/copy-messages.ts";
import type { Member } from "./member.ts";
import { Spoil, type SpoilKind, type Wrong } from "./spoil.ts";

export interface SpoilsWorld {
  readonly members: readonly Member[];
  /** The configuration in force; null: not known. */
  readonly configuration: () => Configuration | null;
  readonly compareEvery: number;
  /** Whether copies may go wrong. */
  readonly isPlayed: boolean;
  readonly nowMs: () => number;
  /** So long after a copy was named its node still knows that after a restart. */
  readonly markedMs: number;
  readonly happened: (what: "namesCopy" | "tracesCopy" | "doubtsCopy" | "replacesCopy", member: Member) => void;
  readonly trace: (line: string) => void;
  readonly violated: (what: string) => void;
}

export class Spoils {
  readonly #world: SpoilsWorld;
  readonly #snapshots = new Map<number, Wrong>();
  readonly #byNode = new Map<string, Spoil>();
  /** When their nodes have named copies as wrong. A snapshot or a restart does not make them right. */
  readonly #known = new Map<Wrong, number>();
  /** How far each had applied when it was found wrong or in doubt. */
  readonly #distrustedAt = new WeakMap<OwnCopy, LogIndex>();
  /** Of each node the latest snapshot, when it was looked at last. */
  readonly #files = new Map<string, string | null>();
  /** How far each voter has said something as a witness whose copy is right. */
  readonly #witnessed = new Map<MemberKey, LogIndex>();
  /** What each copy was taken for when it was looked at last. */
  readonly #seen = new WeakMap<OwnCopy, CopyStanding>();
  readonly #traced = new WeakSet<FirstDifference>();
  count = 0;
  named = 0;

  constructor(world: SpoilsWorld) {
    this.#world = world;
  }

  /** A life of a node begins. */
  begin(id: string): Spoil {
    const spoil = new Spoil(this.#snapshots, {
      began: ({ kind, index }) => {
        this.count++;
        this.#world.trace(`the copy of ${id} goes wrong at entry ${index}: ${kind}`);
      },
    });
    this.#byNode.set(id, spoil);
    return spoil;
  }

  /** Unless another copy is wrong. Voters may be down, or have a state that another node has given: then the cluster may have to stand still. */
  plan(member: Member, kind: SpoilKind): void {
    const voters = this.#world.configuration()?.voters ?? [];
    const isOther = [...this.#byNode.values()].some(({ wrong, planned }) => wrong !== null || planned !== null);
    if (isOther || voters.length < 3 || member.key === null || !voters.includes(member.key)) return;
    this.#byNode.get(member.id)!.planned = kind;
  }

  end(): void {
    for (const spoil of this.#byNode.values()) spoil.planned = null;
  }

  isWrong(id: string): boolean {
    return (this.#byNode.get(id)?.wrong ?? null) !== null;
  }

  /** After each event. */
  look(member: Member): void {
    const copy = member.node?.parts.copies.own;
    if (copy === undefined) return;
    if (copy.first !== null && !this.#traced.has(copy.first)) this.#onTraced(member, copy.first);
    const before = this.#seen.get(copy) ?? "sound";
    if (copy.standing !== "sound" && before === "sound") this.#distrustedAt.set(copy, member.node!.appliedIndex);
    this.#lookAtSnapshot(member, copy);
    if (!copy.isGiven && !this.isWrong(member.id)) this.#noteWitness(member.node!);
    // While another state is being restored nothing goes to the state machine.
    if (copy.standing === "sound" && member.node!.parts.applier.isIdle && this.#isKnown(member)) {
      this.#world.violated(`${member.id} trusts a copy that was named as wrong`);
    }
    if (copy.standing === before) return;
    this.#seen.set(copy, copy.standing);
    if (copy.standing === "wrong") this.#onNamed(member, copy);
    else if (copy.standing === "doubted") this.#world.happened("doubtsCopy", member);
    else if (before === "wrong") this.#world.happened("replacesCopy", member);
  }

  #onNamed(member: Member, copy: OwnCopy): void {
    this.named++;
    this.#world.happened("namesCopy", member);
    const wrong = this.#byNode.get(member.id)?.wrong ?? null;
    const { after, through, of } = copy.difference!;
    if (wrong === null) return this.#world.violated(`the copy of ${member.id} is right and is condemned`);
    if (!this.#known.has(wrong)) this.#known.set(wrong, this.#world.nowMs());
    this.#mustHaveJudges(member, through);
    const shownThrough = this.#byNode.get(member.id)?.shownAt ?? Number.POSITIVE_INFINITY;
    const isWithin = after < shownThrough && wrong.index <= through;
    const isInTime =
      of === "content" || !this.#haveWordsOf(shownThrough) || through < shownThrough + 2 * this.#world.compareEvery;
    if (isWithin && isInTime) return;
    this.#world.violated(
      `the copy of ${member.id} is wrong since ${wrong.index}, and its node names ${of} from ${after} to ${through}`,
    );
  }

  /** The first outcome that is told as another one, or one before that: of a command in a session each result is hashed. */
  #onTraced(member: Member, first: FirstDifference): void {
    this.#traced.add(first);
    this.#world.happened("tracesCopy", member);
    const spoil = this.#byNode.get(member.id);
    const since = spoil?.wrong?.index ?? Number.POSITIVE_INFINITY;
    if (first.index >= since && first.index <= (spoil?.shownAt ?? Number.POSITIVE_INFINITY)) return;
    this.#world.violated(
      `the copy of ${member.id} is wrong since ${since}, shown at ${spoil?.shownAt}, and its node names entry ${first.index}`,
    );
  }

  /** Each copy has said something of an entry as early as this one: one that has begun later has not. */
  #haveWordsOf(index: LogIndex): boolean {
    return this.#world.members.every(({ node }) => {
      const first = node?.parts.copies.own.words.find(({ of }) => of === "outcomes");
      return first !== undefined && first.index <= index;
    });
  }

  /** A node gives a client a result. */
  onResult(member: Member): void {
    const standing = member.node?.parts.copies.own.standing ?? "sound";
    if (standing !== "sound") this.#world.violated(`${member.id} gives a result, and its copy is ${standing}`);
    if (this.#isKnown(member)) this.#world.violated(`${member.id} gives a result of a state that was named as wrong`);
  }

  /** A node sends a piece of a snapshot. */
  onChunk(member: Member): void {
    const standing = member.node?.parts.copies.own.standing ?? "sound";
    if (standing !== "sound") this.#world.violated(`${member.id} sends its snapshot, and its copy is ${standing}`);
  }

  /** Its state was named as wrong so long ago that its node knows it after a restart as well. */
  #isKnown({ id }: Member): boolean {
    const wrong = this.#byNode.get(id)?.wrong ?? null;
    const namedMs = wrong === null ? undefined : this.#known.get(wrong);
    return namedMs !== undefined && this.#world.nowMs() > namedMs + this.#world.markedMs;
  }

  #noteWitness({ parts, state: { self } }: NonNullable<Member["node"]>): void {
    const through = parts.copies.own.words.at(-1)?.index ?? 0;
    this.#witnessed.set(self, Math.max(through, this.#witnessed.get(self) ?? 0));
  }

  /** One that it had begun before may still become durable. */
  #lookAtSnapshot({ id, node }: Member, copy: OwnCopy): void {
    const { snapshot, self } = node!.state;
    const since = copy.standing === "sound" ? undefined : this.#distrustedAt.get(copy);
    const isOwn = snapshot?.origin === incarnationOf(self) && snapshot.file !== this.#files.get(id);
    if (since !== undefined && isOwn && snapshot.position.index > since) {
      this.#world.violated(`${id} takes a snapshot, and its copy is ${copy.standing}`);
    }
    this.#files.set(id, snapshot?.file ?? null);
  }

  /** A strict majority of the voters has been there with a right copy of their own. */
  #mustHaveJudges({ id }: Member, through: LogIndex): void {
    const inForce = this.#world.configuration();
    const judges = [...this.#witnessed].flatMap(([key, applied]) => (applied >= through ? [key] : []));
    if (inForce === null || isQuorum(inForce, judges)) return;
    this.#world.violated(`the copy of ${id} is condemned at ${through} by fewer than a majority`);
  }

  /** Each node trusts its copy. */
  get areSound(): boolean {
    return this.#world.members.every(({ node }) => (node?.parts.copies.own.standing ?? "sound") === "sound");
  }

  /** Each voter is a witness, where copies go wrong. Elsewhere voters may be away for good, and all others given. */
  get areConfirmed(): boolean {
    if (!this.#world.isPlayed) return true;
    const voters = this.#world.configuration()?.voters ?? [];
    return this.#world.members.every(({ key, node }) => {
      const isVoter = key !== null && node !== null && voters.includes(key);
      return !isVoter || !node.parts.copies.own.isGiven;
    });
  }

  /** So few right copies are left that are witnesses that an administrator would have to choose. */
  get isOver(): boolean {
    const { members, configuration } = this.#world;
    const inForce = configuration();
    if (inForce === null || this.areSound) return false;
    const keysOf = (of: readonly Member[]): readonly MemberKey[] => of.flatMap(({ key }) => key ?? []);
    const right = members.filter(({ id, node }) => node !== null && !this.isWrong(id));
    const witnesses = members.filter(
      ({ node }) => node !== null && !node.parts.copies.own.isGiven && node.parts.copies.own.standing !== "wrong",
    );
    const agreeing = witnesses.filter((member) => right.includes(member));
    // They confirm the right copies that were given.
    const isConfirming = agreeing.length >= 2 && 2 * agreeing.length > witnesses.length;
    const isEnough = isQuorum(inForce, keysOf(isConfirming ? right : agreeing));
    return members.some(({ node }) => node?.parts.copies.own.standing === "doubted") && !isEnough;
  }

  /** What results have shown for so long has been found, and another state is in its place. */
  get areReplaced(): boolean {
    return this.#world.members.every(({ id, node }) => {
      const shownAt = this.#byNode.get(id)?.shownAt ?? null;
      return shownAt === null || node === null || node.appliedIndex <= shownAt + 2 * this.#world.compareEvery;
    });
  }
}
