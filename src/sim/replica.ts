// What comes of one state machine of one node? Watches it from outside, and tells the agreement the outcome of each entry and
// the state after it. Nothing but a command may change the state, and not one that is rejected.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { reasonOf } from "../adapters/plugin/command-outcomes.ts";
import { createVersionedExecutor, type Executor } from "../adapters/plugin/executor.ts";
import type { LoadedVersion } from "../adapters/plugin/loader.ts";
import type { PluginVersion } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";
import { GraftError } from "../errors.ts";
import type { Answer, AppliedEntry, Outcome } from "../ports/state-machine.ts";
import { type Agreement, differenceOf } from "./agreement.ts";
import { describeAnswer, describeOutcome, describePayload } from "./describe-payload.ts";
import type { Spoil } from "./spoil.ts";
import { type Look, StateView } from "./state-view.ts";
import type { WakeWatch } from "./wakes.ts";

export interface ReplicaOptions {
  /** Of its node. */
  readonly id: string;
  /** Its number among those of the node: a life of a node has one, and another when that has stopped. */
  readonly machine: number;
  /** A copy of the plugin for one state machine. */
  readonly copy: () => Plugin;
  /** What is at hand of it. */
  readonly versions: (plugin: Plugin) => readonly LoadedVersion[];
  readonly agreement: Agreement;
  /** Whether it goes wrong; null: nobody has it go wrong. */
  readonly spoil: Spoil | null;
  readonly trace: (sentence: string) => void;
  /** Told what each entry came to. */
  readonly outcome: (entry: AppliedEntry, outcome: Outcome) => void;
  /** Told when the state machine is to be woken: after each entry, and by a snapshot. Null: nobody looks at that. */
  readonly watch: Pick<WakeWatch, "applied" | "restored"> | null;
  /** Queries to ask of the state at this index, the same on every node. */
  readonly probes: (index: LogIndex) => readonly Uint8Array[];
}

/** A state of up to so many values is looked at after every entry, one of twice as many after every second, and so on. */
const smallValues = 500;
/** The queries are asked at every fourth index: asked everywhere and always, they would hide that asking has an effect. */
const probeEvery = 4;

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #view: StateView;
  /** What the state machine is to run. */
  readonly versions: readonly LoadedVersion[];
  /** Null: none has been activated. */
  #active: PluginVersion | null = null;
  /** Of the last entry that it has applied, or of the snapshot that it began with. Null: of a snapshot that nobody has taken. */
  #index: LogIndex | null = 0;
  /** At the state as it is; null: none was taken. */
  #look: Look | null = null;
  #values = 0;
  #began = "";
  #isSnapshotOpen = false;
  #read = new Bun.CryptoHasher("sha256");

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#view = new StateView(options.copy());
    this.versions = options.versions(this.#view.plugin);
  }

  get #style(): Plugin["style"] {
    return this.#view.plugin.style;
  }

  get spoil(): Spoil | null {
    return this.#options.spoil;
  }

  /** What it comes to is compared with nothing. */
  get #isWrong(): boolean {
    return (this.#options.spoil?.wrong ?? null) !== null;
  }

  get active(): PluginVersion | null {
    return this.#active;
  }

  get index(): LogIndex | null {
    return this.#index;
  }

  /** The state machine has begun. */
  created(): void {
    this.#lookAt(0, true);
  }

  /** Has the state machine apply an entry, and returns what the node may know of the outcome. */
  apply(entry: AppliedEntry, executor: Pick<Executor, "apply" | "wakeAtMs">): Outcome {
    const { agreement, machine } = this.#options;
    agreement.entry(entry.index, () => this.#describe(entry));
    // That the result is put into bytes must change nothing. Of a command of no session that is done here and not there.
    const isOfSession = entry.kind === "command" && entry.session !== null;
    const isWhole = entry.isAwaited || isOfSession || (entry.index + machine) % 2 === 0;
    agreement.note(entry);
    const isWoken = (executor.wakeAtMs ?? Number.POSITIVE_INFINITY) <= entry.timeMs;
    // What `due` has changed first is no change of the entry.
    const before = isWoken ? null : this.#look;
    this.#look = null;
    let outcome: Outcome;
    try {
      outcome = executor.apply({ ...entry, isAwaited: isWhole });
    } catch (error) {
      this.#violated("the state machine stops", error, entry.index);
      throw error;
    }
    this.#index = entry.index;
    if (entry.kind === "activate") this.#active = entry.plugin;
    this.#options.outcome(entry, outcome);
    this.#options.watch?.applied(entry, executor.wakeAtMs);
    if (outcome.kind === "forgotten" && agreement.isWaitedFor(entry.index))
      agreement.violated("the outcome of a command is forgotten while its client waits", entry.index, [
        `on ${this.#by}`,
      ]);
    this.#tell(entry, outcome, isWhole);
    if (entry.kind === "command") this.#compare(entry.index, outcome, isWhole);
    // A version that becomes active may change the state as it takes it over.
    const changesNothing =
      !["command", "activate"].includes(entry.kind) || !["ok", "unsendable"].includes(outcome.kind);
    if (changesNothing) this.#mustEqual(before, "a command that is refused changes the state");
    else if (agreement.isStolen(entry))
      this.#mustEqual(before, "a command in the session of another client changes the state");
    if (!this.#isWrong) agreement.compare("wake", entry.index, this.#by, wakeWords(executor.wakeAtMs));
    this.#lookAt(entry.index, false);
    return entry.isAwaited ? outcome : unheard(outcome);
  }

  /** A query was answered. */
  answered(query: Uint8Array, outcome: Answer["outcome"]): void {
    const asked = `the query: ${describePayload(this.#style, query)}`;
    if (outcome.kind === "failed") this.#violated("a query fails", outcome.error, this.#index, [asked]);
    else this.#mustEqual(this.#look, "a query changes the state", [asked]);
  }

  /** Right before the state machine takes a snapshot. */
  snapshotting(): void {
    if (this.#index !== null) this.#lookAt(this.#index, true);
    this.#isSnapshotOpen = true;
  }

  /** Right after. */
  snapshotBegun(): void {
    this.#mustEqual(this.#look, "a snapshot changes the state");
  }

  /** It has been read to its end, and `index` and `active` are those of the state that was frozen: a node that begins with it has that state. */
  snapshotRead(chunks: readonly Uint8Array[], { index, active }: Pick<Replica, "index" | "active">): void {
    if (index === null || this.#isWrong) return;
    const digest = new Bun.CryptoHasher("sha256");
    for (const chunk of chunks) digest.update(chunk);
    this.#options.agreement.snapshotTaken(digest.digest("hex"), index);
    const other = new Replica({ ...this.#options, id: `a copy of ${this.#options.id}`, watch: null, spoil: null });
    try {
      const executor = createVersionedExecutor(other.versions);
      const restoration = executor.restore(active);
      other.restoring(active);
      for (const chunk of chunks) {
        other.restoringChunk(chunk);
        restoration.write(chunk);
      }
      restoration.end();
      other.restored(executor.wakeAtMs);
    } catch (error) {
      return other.restoreFailed(error);
    }
  }

  snapshotFailed(error: unknown): void {
    this.#violated("a snapshot fails", error, this.#index);
  }

  snapshotClosed(): void {
    this.#isSnapshotOpen = false;
  }

  /** @param plugin that is active there */
  restoring(plugin: PluginVersion | null): void {
    this.#active = plugin;
    this.#read = new Bun.CryptoHasher("sha256");
    this.#look = null;
  }

  restoringChunk(chunk: Uint8Array): void {
    this.#read.update(chunk);
  }

  restored(wakeAtMs: WakeTime): void {
    const { agreement } = this.#options;
    this.#options.watch?.restored(wakeAtMs);
    this.#index = agreement.indexOf(this.#read.digest("hex"));
    if (this.#index === null) return;
    this.#began = `, which began with the snapshot at entry ${this.#index}`;
    agreement.compare("wake", this.#index, this.#by, wakeWords(wakeAtMs));
    this.#lookAt(this.#index, true);
  }

  restoreFailed(error: unknown): void {
    this.#violated("a snapshot cannot be restored", error, this.#index);
  }

  get #by(): string {
    const { id, machine } = this.#options;
    return `${id} in life ${machine}${this.#began}`;
  }

  #tell(entry: AppliedEntry, outcome: Outcome, isWhole: boolean): void {
    const { id, trace } = this.#options;
    const answer = entry.kind === "command" && isWhole ? ` → ${describeAnswer(this.#style, outcome)}` : "";
    trace(`${id} applies entry ${entry.index}: ${this.#describe(entry)}${answer}`);
  }

  #describe(entry: AppliedEntry): string {
    switch (entry.kind) {
      case "command":
        return describePayload(this.#style, entry.payload);
      case "openSession":
        return "a client's session begins";
      case "closeSession":
        return "a client's session ends";
      case "activate":
        return `${entry.plugin.name} ${entry.plugin.version} becomes active`;
      case "tick":
        return "time goes on";
    }
  }

  #compare(index: LogIndex, outcome: Outcome, isWhole: boolean): void {
    if (this.#isWrong) return;
    const { agreement } = this.#options;
    const isApplied = outcome.kind === "ok" || outcome.kind === "unsendable";
    agreement.compare("verdict", index, this.#by, isApplied ? "applied" : outcome.kind);
    if (!isWhole) return;
    if (outcome.kind === "unsendable") this.#violated("a result cannot be sent", new Error(outcome.message), index);
    else {
      const style = this.#style;
      const payload = outcome.kind === "ok" ? outcome.payload : null;
      agreement.compareOutcome(index, this.#by, payload, () => describeOutcome(style, outcome));
    }
  }

  /** `isDue`: however large the state is. */
  #lookAt(index: LogIndex, isDue: boolean): void {
    const stride = 2 ** Math.max(0, Math.ceil(Math.log2(this.#values / smallValues)));
    if (this.#isWrong || (!isDue && index % stride !== 0)) return;
    const look = this.#lookNow();
    if (look === null) return;
    this.#values = look.values;
    const { agreement, probes } = this.#options;
    agreement.compare("state", index, this.#by, look.state);
    if (look.snapshot !== null) agreement.compare("snapshot", index, this.#by, look.snapshot);
    this.#look = look;
    if (index % probeEvery !== 0) return;
    this.#mustEqual(look, "a snapshot changes the state");
    for (const query of probes(index)) this.#probe(index, query, look);
  }

  #probe(index: LogIndex, query: Uint8Array, look: Look): void {
    const asked = describePayload(this.#style, query);
    this.#options.agreement.compare(
      "answers",
      index,
      this.#by,
      this.#view.answer(query, { index, timeMs: index }),
      asked,
    );
    this.#mustEqual(look, "a query changes the state", [`the query: ${asked}`]);
  }

  /** Null: the plugin fails to say what its state is. */
  #lookNow(): Look | null {
    try {
      return this.#view.look(!this.#isSnapshotOpen);
    } catch (error) {
      this.snapshotFailed(error);
      return null;
    }
  }

  /** Whether the state is still what it was, where that is known. */
  #mustEqual(before: Look | null, rule: string, lines: readonly string[] = []): void {
    const now = before === null ? null : this.#lookNow();
    if (before === null || now === null) return;
    const texts = (["state", "snapshot"] as const).map((part) => [before[part], now[part]] as const);
    const changed = texts.find(([old, current]) => old !== null && current !== null && old !== current);
    if (changed === undefined) return;
    const [old, current] = changed;
    const difference = differenceOf(["before", old], ["after", current]);
    this.#options.agreement.violated(rule, this.#index ?? 0, [`on ${this.#by}`, ...lines, ...difference]);
  }

  #violated(rule: string, error: unknown, index: LogIndex | null, lines: readonly string[] = []): void {
    const reason = error instanceof GraftError ? error.message : reasonOf(error);
    this.#options.agreement.violated(rule, index ?? 0, [...lines, `${this.#by}: ${reason}`], error);
  }
}

const nothing = new Uint8Array();

const wakeWords = (atMs: WakeTime): string => (atMs === null ? "never" : `at ${atMs} ms`);

/** What a state machine hands back of an outcome that nobody waits for. */
function unheard(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "ok":
    case "unsendable":
      return { kind: "ok", payload: nothing };
    case "rejected":
      return { kind: "rejected", message: "" };
    default:
      return outcome;
  }
}
