// Are the copies of the state machine alike? Each node says to the leader what its own has come to, and hears what the leader makes of
// it. A copy that is wrong shows nothing any more, until a snapshot of the leader replaces it. Why: docs/decisions/copies-are-compared.md.
import { isMember, type MemberKey, nodeIdOf, toMemberKey } from "../core/configuration.ts";
import { type CopyWord, copyWordsMax } from "../core/copy-word.ts";
import type { LogIndex, Millis, Term } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  CopyAsk,
  CopyMessage,
  CopyNotice,
  CopyOffer,
  CopySteps,
  CopyTrace,
  CopyVerdict,
} from "../ports/copy-messages.ts";
import type { Logger } from "../ports/logger.ts";
import type { SavedState } from "../ports/log-store.ts";
import type { Milestone } from "../ports/state-machine.ts";
import type { PeerIdentity, Transport } from "../ports/transport.ts";
import { Comparing, type Said, type Verdict } from "./comparing.ts";
import { KnownSteps } from "./known-steps.ts";
import { type CopyDistrusted, type CopySource, OwnCopy } from "./own-copy.ts";
import { Tracing } from "./tracing.ts";

/** A snapshot is offered again after this time, ms: the member fetches it meanwhile. */
const offerMs = 1_000;
/** For so long the same one is offered, ms: under load there is a later one before it has been fetched. */
const sameOfferMs = 600_000;
/** After so many restores whose content was found different at once, outcomes alone are compared: each restore would be followed by another one. */
const restoresMax = 3;
/** The log stands still when nothing has come for so long, ms. */
const stillMs = 500;

export interface CopiesModules {
  readonly transport: Pick<Transport, "send">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly logger: Logger;
}

export interface CopiesOptions {
  /** Copies tell what they have come to at multiples of this index. */
  readonly every: number;
  readonly state: () => State;
  /** This node shows nothing of its state from now on, or does so again with null. */
  readonly distrust: (why: CopyDistrusted | null) => void;
  /** The same, in other words: it is known now where the copy first differed. */
  readonly explained: (why: CopyDistrusted) => void;
  /** The copy is a witness of its own from now on. */
  readonly confirmed: () => void;
  /** For people: the operation of the command at this index; null: it is not a command, names none, or is gone from the log. */
  readonly operationAt: (index: LogIndex) => string | null;
  /** Has the content of the state hashed as it is at this index. */
  readonly askContent: (at: LogIndex) => void;
  /** A snapshot of the state that ends at this index or later, now or soon; null: not yet. */
  readonly snapshotFrom: (index: LogIndex) => SnapshotRecord | null;
  /** Takes the place of the state as soon as it is here. */
  readonly replaceBy: (from: MemberKey, snapshot: SnapshotRecord) => void;
}

interface Offer {
  readonly copy: number;
  readonly snapshot: SnapshotRecord;
  readonly sinceMs: Millis;
  readonly sentMs: Millis;
}

export class Copies {
  readonly own: OwnCopy;
  readonly #modules: CopiesModules;
  readonly #options: CopiesOptions;
  #comparing = new Comparing();
  /** Whom this node speaks to, and in which term: itself, if it leads. */
  #listener: { readonly term: Term; readonly key: MemberKey } | null = null;
  readonly #offers = new Map<MemberKey, Offer>();
  readonly #steps: KnownSteps;
  readonly #tracing = new Tracing();
  /** How many copies that other nodes had given were found wrong by their content in a row. */
  #wrongRestores = 0;
  /** Since when the log ends where it does. */
  #end: { readonly index: LogIndex; readonly sinceMs: Millis } = { index: 0, sinceMs: 0 };

  /** @param saved what this node begins with */
  constructor(saved: Pick<SavedState, "incarnation" | "snapshot">, modules: CopiesModules, options: CopiesOptions) {
    this.#modules = modules;
    this.#options = options;
    this.own = new OwnCopy(saved.incarnation, saved.snapshot);
    this.#steps = new KnownSteps(options.every * copyWordsMax);
  }

  /** Of a leader: a strict majority has come to the same through here; null: nothing has been compared, or another one leads. */
  get agreesThrough(): LogIndex | null {
    return this.#options.state().role.kind === "leader" ? this.#comparing.agreesThrough : null;
  }

  /** For people: what is wrong with this node's copies time and again; null: nothing. */
  get fault(): string | null {
    if (this.#wrongRestores < restoresMax) return null;
    return (
      `the content of its state differed from that of the others after each of ${restoresMax} restores, and all outcomes were equal: the content of ` +
      "this copy is compared no longer, until the node is restarted; probably the plugin writes its snapshot in another order after a restore: " +
      "graft plugin check finds that"
    );
  }

  /** The files that members are being offered. */
  get offeredFiles(): readonly string[] {
    return [...this.#offers.values()].map(({ snapshot }) => snapshot.file);
  }

  /** What is known of the copy from before is minded from the beginning. */
  start(): void {
    if (this.own.why !== null) this.#options.distrust(this.own.why);
  }

  /** The state is about to be replaced by one that comes from here; null: by an empty one. */
  onRestoring(source: CopySource | null): void {
    const before = this.own.why;
    this.own.begin(source);
    this.#steps.forget();
    if (before !== this.own.why) this.#options.distrust(this.own.why);
    this.#onOwnChanged();
  }

  /** The outcomes of this node's copy have come to this. */
  onMilestone({ index, chain: value, steps }: Milestone): void {
    this.#steps.add(steps);
    this.onWord({ index, of: "outcomes", value });
  }

  /** This node's copy has come to something. */
  onWord(word: CopyWord): void {
    if (word.of === "content" && this.fault !== null) return;
    this.own.say(word);
    this.#onOwnChanged();
  }

  onPeerConnected({ id, incarnation }: PeerIdentity): void {
    const key = toMemberKey(id, incarnation);
    this.#comparing.forget(key);
    if (key === this.#listener?.key) this.#tellLeader();
  }

  onMessage(from: MemberKey, message: CopyMessage): void {
    if (message.term !== this.#listener?.term) return;
    if (message.kind === "copyNotice" || message.kind === "copyTrace") return this.#onMember(from, message);
    if (from !== this.#listener.key) return;
    if (message.kind === "copyVerdict") this.#onVerdict(message);
    else if (message.kind === "copyAsk") this.#onAsk(message);
    else if (message.kind === "copyOffer") this.#onOffer(from, message);
    else this.#onSteps(message);
  }

  /** A member speaks to its leader. */
  #onMember(from: MemberKey, message: CopyNotice | CopyTrace): void {
    const { self, log, currentTerm: term } = this.#options.state();
    const configuration = latestConfiguration(log);
    if (this.#listener?.key !== self || configuration === null || !isMember(configuration, from)) return;
    if (message.kind === "copyNotice") {
      this.#comparing.hear(from, message);
      return this.#judge();
    }
    if (this.own.standing !== "sound") return;
    const steps = this.#steps.within(message.after, message.through);
    this.#modules.transport.send(from, { kind: "copySteps", term, ...steps });
  }

  /** A turn may have brought another leader. */
  onTurned(): void {
    const { currentTerm: term, role, self } = this.#options.state();
    const key = role.kind === "leader" ? self : role.kind === "follower" ? role.leader : null;
    if (term === this.#listener?.term && key === this.#listener.key) return;
    this.#listener = key === null ? null : { term, key };
    this.#comparing = new Comparing();
    this.#offers.clear();
    this.#tracing.onLeader();
    this.#onOwnChanged();
    this.#trace();
  }

  /** To be called often: time alone changes something as well. */
  sweep(): void {
    if (this.#listener === null) return;
    if (this.#listener.key !== this.#options.state().self) return this.#trace();
    this.#judge();
    this.#askContents();
    this.#offerSnapshots();
  }

  #onOwnChanged(): void {
    if (this.#listener === null) return;
    const { self } = this.#options.state();
    if (this.#listener.key !== self) return this.#tellLeader();
    this.#comparing.hear(self, this.#ownWords());
    this.#judge();
  }

  #tellLeader(): void {
    if (this.#listener === null) return;
    const { key, term } = this.#listener;
    this.#modules.transport.send(key, { kind: "copyNotice", term, ...this.#ownWords() });
  }

  #ownWords(): Said {
    const { number: copy, isGiven, isUnproven, standing, doubt, words } = this.own;
    const covered = this.#options.state().snapshot?.position.index ?? 0;
    return { copy, isGiven, isUnproven, standing, doubt, covered, words };
  }

  #judge(): void {
    const { self, log, currentTerm: term } = this.#options.state();
    const configuration = latestConfiguration(log);
    const nowMs = this.#modules.clock.nowMs();
    if (configuration === null || !this.#comparing.isJudgementDue(nowMs)) return;
    for (const [key, verdict] of this.#comparing.judge(configuration, nowMs)) {
      if (key !== self) this.#log(key, verdict);
      if (key === self) this.#onVerdict(verdict);
      else this.#modules.transport.send(key, { kind: "copyVerdict", term, ...verdict });
    }
  }

  #log(key: MemberKey, { standing, of, after, through }: Verdict): void {
    if (standing === "sound") return;
    const id = nodeIdOf(key);
    this.#modules.logger.log("error", `the copy of ${id} is ${standing}`, { of, after, through }, `copy ${id}`);
  }

  #onVerdict({ copy, standing, isConfirmed, of, after, through }: Omit<CopyVerdict, "kind" | "term">): void {
    const { own } = this;
    const { logger } = this.#modules;
    // Another state may have begun since the leader was told of the one that it means.
    if (copy !== own.number) return;
    if (isConfirmed && own.isGiven && standing !== "wrong" && own.standing !== "wrong") {
      this.#wrongRestores = 0;
      own.confirm();
      this.#options.confirmed();
      logger.log("info", "the state that came from another node is equal to that of the others");
    }
    if (own.judge(standing, { of, after, through })) {
      const { why, isGiven, isUnproven } = own;
      if (standing === "wrong")
        this.#wrongRestores = of === "content" && isGiven && !isUnproven ? this.#wrongRestores + 1 : 0;
      if (why === null) logger.log("info", "the copies of the state agree again");
      else logger.log("error", "the state machine is not to be trusted", { reason: why.message });
      this.#options.distrust(why);
      if (standing === "wrong" && of === "outcomes") {
        this.#tracing.begin({ of, after, through }, this.#steps.within(after, through));
      }
    }
    this.#onOwnChanged();
    this.#trace();
  }

  /** Asks the leader where the outcomes first differed, if that is to be known. */
  #trace(): void {
    if (this.#listener === null || this.#listener.key === this.#options.state().self) return;
    const question = this.#tracing.question(this.#modules.clock.nowMs());
    if (question === null) return;
    const { key, term } = this.#listener;
    this.#modules.transport.send(key, { kind: "copyTrace", term, ...question });
  }

  #onSteps(steps: CopySteps): void {
    const index = this.#tracing.hear(steps);
    if (index === null) return;
    const operation = this.#options.operationAt(index);
    this.#modules.logger.log("error", "the first outcome that differs from that of the other nodes", {
      index,
      operation: operation ?? "unknown",
    });
    this.own.explain({ index, operation });
    if (this.own.standing === "wrong") this.#options.explained(this.own.why!);
  }

  #onAsk({ at }: Pick<CopyAsk, "at">): void {
    if (this.own.standing !== "wrong" && this.fault === null) this.#options.askContent(at);
  }

  #onOffer(from: MemberKey, { copy, snapshot }: CopyOffer): void {
    if (copy !== this.own.number || this.own.standing !== "wrong") return;
    const { appliedIndex, snapshot: latest } = this.#options.state();
    const { index } = snapshot.position;
    // What this node has not applied yet is offered again.
    if (index > appliedIndex || index < (latest?.position.index ?? 0)) return;
    // It is recorded, and the state machine is about to begin with it.
    if (snapshot.file === latest?.file && snapshot.origin === latest.origin) return;
    this.#options.replaceBy(from, snapshot);
  }

  #askContents(): void {
    const { state } = this.#options;
    const { self, log, currentTerm: term, commitIndex } = state();
    const nowMs = this.#modules.clock.nowMs();
    if (log.last.index !== this.#end.index) this.#end = { index: log.last.index, sinceMs: nowMs };
    const configuration = latestConfiguration(log);
    if (configuration === null || !isMember(configuration, self)) return;
    if (!this.#comparing.isAskDue(configuration, nowMs)) return;
    const isStill = commitIndex === this.#end.index && nowMs - this.#end.sinceMs >= stillMs;
    // No node has got further than this.
    const at = isStill ? this.#end.index : nextMultiple(this.#options.every, this.#end.index);
    for (const { key } of configuration.members) {
      if (key === self) this.#onAsk({ at });
      else this.#modules.transport.send(key, { kind: "copyAsk", term, at });
    }
  }

  /** Only what a majority agrees on may replace the state of another node. */
  #offerSnapshots(): void {
    const { own } = this;
    if (own.standing !== "sound" || own.isGiven) return;
    const { log, self, currentTerm: term } = this.#options.state();
    const nowMs = this.#modules.clock.nowMs();
    const { members } = latestConfiguration(log) ?? { members: [] };
    const wrong = members.filter(({ key }) => key !== self && this.#comparing.saidBy(key)?.standing === "wrong");
    for (const key of this.#offers.keys()) if (!wrong.some((member) => member.key === key)) this.#offers.delete(key);
    for (const { key } of wrong) {
      const { copy, covered } = this.#comparing.saidBy(key)!;
      const before = this.#offers.get(key);
      if (before !== undefined && nowMs - before.sentMs < offerMs) continue;
      const isSame = before?.copy === copy && before.snapshot.position.index >= covered;
      const isKept = isSame && nowMs - before.sinceMs < sameOfferMs;
      const snapshot = isKept ? before.snapshot : this.#options.snapshotFrom(covered);
      if (snapshot === null) continue;
      this.#offers.set(key, { copy, snapshot, sinceMs: isKept ? before.sinceMs : nowMs, sentMs: nowMs });
      this.#modules.transport.send(key, { kind: "copyOffer", term, copy, snapshot });
    }
  }
}

const nextMultiple = (of: number, after: LogIndex): LogIndex => (Math.floor(after / of) + 1) * of;
