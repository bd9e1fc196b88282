// When is the mark written? After each transaction, so that it never says more than the log holds; and before one that takes
// entries away, so that a crash in between is no false alarm. Only what others build on at once is synced: a term, a vote, the
// genesis, another configuration or version, a removal, the end of a refill. Syncing every mark would halve the throughput.
import { type Configuration, hasOtherVoters } from "../../core/configuration.ts";
import type { DurableEffect } from "../../core/effects.ts";
import { type LogIndex, type LogPosition, logStart } from "../../core/log-position.ts";
import { genesisConfiguration } from "../../core/genesis.ts";
import type { SavedState } from "../../ports/log-store.ts";
import { type Chain, chainStart } from "./chain.ts";
import type { Promises } from "./mark.ts";
import type { MarkFile } from "./mark-file.ts";

interface Chained extends LogPosition {
  readonly chain: Chain;
}

/** A configuration of the log, or the one in force at its base. */
interface Placed {
  /** Of its entry. */
  readonly index: LogIndex;
  readonly hasOtherVoters: boolean;
}

export class Marking {
  readonly #file: MarkFile;
  #promises: { -readonly [Key in keyof Promises]: Promises[Key] };
  /** Whether the slot says what the log holds, but for how far it reaches. */
  #isWritten = false;
  /** Ascending; the last one is in force. */
  #configurations: readonly Placed[];
  /** Ascending; the last one is the version that is active. */
  #activations: readonly LogIndex[];

  /** @param promises what `saved` comes to */
  constructor(file: MarkFile, saved: SavedState, promises: Promises) {
    this.#file = file;
    this.#promises = promises;
    const { genesis, baseConfiguration, configurations, baseActivation, activations } = saved;
    const founding = { position: logStart, configuration: genesis === null ? null : genesisConfiguration(genesis) };
    const { position, configuration } = baseConfiguration ?? founding;
    this.#configurations = [
      ...(configuration === null ? [] : [this.#placed(position.index, configuration)]),
      ...configurations.map((placed) => this.#placed(placed.position.index, placed.configuration)),
    ];
    this.#activations = [...(baseActivation === null ? [] : [baseActivation]), ...activations].map(
      ({ position: { index } }) => index,
    );
  }

  get promises(): Promises {
    return this.#promises;
  }

  /** Before the transaction. `chainedAt` is asked for a position of the log as it is now. */
  before(effects: readonly DurableEffect[], chainedAt: (index: LogIndex) => Chained): void {
    const through = endAfter(effects);
    const { last } = this.#promises;
    if (through === null || last.index === 0 || through >= last.index) return;
    const { index, term, chain } = through < 0 ? { ...logStart, chain: chainStart } : chainedAt(through);
    const configuredAt = this.#configurations.findLast((placed) => placed.index <= index)?.index ?? 0;
    const activatedAt = this.#activations.findLast((activated) => activated <= index) ?? 0;
    this.#write({ ...this.#promises, last: { index, term }, chain, configuredAt, activatedAt });
    // On a full disk the entries stay, and with them perhaps a later configuration.
    this.#isWritten = false;
    this.#file.sync();
  }

  /** After the transaction, which ends at `tail`. */
  after(effects: readonly DurableEffect[], { index, term, chain }: Chained): void {
    const reach = { last: { index, term }, chain };
    if (this.#isWritten && effects.every(onlyMovesOn)) {
      this.#promises.last = reach.last;
      this.#promises.chain = chain;
      return this.#file.moveOn(reach);
    }
    const before = { configuredAt: this.#inForce.index, activatedAt: this.#activatedAt };
    let isSynced = false;
    for (const effect of effects) if (this.#follow(effect)) isSynced = true;
    const { index: configuredAt, hasOtherVoters: isOneOfMany } = this.#inForce;
    const activatedAt = this.#activatedAt;
    this.#write({ ...this.#promises, ...reach, hasOtherVoters: isOneOfMany, configuredAt, activatedAt });
    if (isSynced || configuredAt !== before.configuredAt || activatedAt !== before.activatedAt) this.#file.sync();
  }

  get #inForce(): Placed {
    return this.#configurations.at(-1) ?? { index: 0, hasOtherVoters: true };
  }

  get #activatedAt(): LogIndex {
    return this.#activations.at(-1) ?? 0;
  }

  #write(promises: Promises): void {
    this.#promises = promises;
    this.#file.write({ ...promises, state: { kind: "inUse" } });
    this.#isWritten = true;
  }

  /** What was marked last survives a power cut when this returns. */
  sync(): void {
    this.#file.sync();
  }

  /** The next start sets the files aside. More sentences are added to the finding then. */
  damaged(text: string, folder: string): void {
    const finding = text.replace(/\.$/, "");
    this.#isWritten = false;
    this.#file.writeSynced({ ...this.#promises, state: { kind: "damaged", finding, folder } });
  }

  close(): void {
    this.#file.close();
  }

  /** Whether others build on the effect as soon as it is confirmed. */
  #follow(effect: DurableEffect): boolean {
    switch (effect.kind) {
      case "writeVote":
        this.#promises = { ...this.#promises, currentTerm: effect.currentTerm, votedFor: effect.votedFor };
        return true;
      case "writeGenesis":
        this.#promises = { ...this.#promises, clusterUuid: effect.genesis.clusterUuid };
        this.#configurations = [this.#placed(0, genesisConfiguration(effect.genesis)), ...this.#configurations];
        return true;
      case "writeRemoved":
        this.#promises = { ...this.#promises, isRemoved: true };
        return true;
      case "writeRefilled":
        return true;
      case "truncateLog":
        this.#configurations = this.#configurations.filter(({ index }) => index <= effect.through);
        this.#activations = this.#activations.filter((index) => index <= effect.through);
        return false;
      case "appendLog":
        for (const entry of effect.entries) {
          if (entry.kind === "activate") this.#activations = [...this.#activations, entry.index];
          if (entry.kind !== "configuration") continue;
          this.#configurations = [...this.#configurations, this.#placed(entry.index, entry.configuration)];
        }
        return false;
      case "writeSnapshot": {
        const kept = effect.discardsLog ? [] : this.#configurations.filter(({ index }) => index > effect.base.index);
        const { position, configuration } = effect.baseConfiguration;
        this.#configurations = [this.#placed(position.index, configuration), ...kept];
        const later = effect.discardsLog ? [] : this.#activations.filter((index) => index > effect.base.index);
        const active = effect.baseActivation;
        this.#activations = [...(active === null ? [] : [active.position.index]), ...later];
        return false;
      }
    }
  }

  #placed(index: LogIndex, configuration: Configuration): Placed {
    return { index, hasOtherVoters: hasOtherVoters(configuration, this.#promises.incarnation) };
  }
}

/** Usually: the mark says the same as before, but for how far the log reaches. */
const onlyMovesOn = (effect: DurableEffect): boolean =>
  effect.kind === "appendLog" && effect.entries.every(({ kind }) => kind !== "configuration" && kind !== "activate");

/** The lowest index after which the effects take entries away; -1: all of them; null: none. */
function endAfter(effects: readonly DurableEffect[]): LogIndex | null {
  let end: LogIndex | null = null;
  for (const effect of effects) {
    if (effect.kind === "truncateLog" && (end === null || effect.through < end)) end = effect.through;
    if (effect.kind === "writeSnapshot" && effect.discardsLog) end = -1;
  }
  return end;
}
