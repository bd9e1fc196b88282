// A cluster of cores for stories: nothing happens by itself. Time passes when the story says so, a message arrives when
// it is delivered, a write is durable when the disk is told. Every step is checked against the invariants, and written
// down as prose. What is compared with the committed transcripts is in story.ts; chance is the simulator's.
import { incarnationOf, type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { describeEffect, describeEvent, describeState } from "../../src/core/describe.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Event } from "../../src/core/events.ts";
import { affiliationOf } from "../../src/core/founding.ts";
import { sharedPosition } from "../../src/core/histories.ts";
import { checkState, checkTransition } from "../../src/core/invariants.ts";
import { type ChangeOutcome, type MembershipChange, noChange } from "../../src/core/membership-change.ts";
import type { Message } from "../../src/core/messages.ts";
import { restore } from "../../src/core/restore.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { State } from "../../src/core/state.ts";
import { step } from "../../src/core/step.ts";
import { chainsOf } from "../core/chain.ts";
import { Agreement } from "./agreement.ts";
import { appendEntriesOf } from "./append-entries.ts";
import { Disk } from "./disk.ts";
import { type Letter, matches, type Which } from "./letters.ts";
import { SnapshotFiles } from "./snapshot-files.ts";
import { helloOf, nodeThatIsDown, type StoryNode } from "./story-node.ts";

type Untimed = Event extends infer Each ? (Each extends Event ? Omit<Each, "nowMs"> : never) : never;

export class Cluster {
  readonly lines: string[] = [];
  /** What has become of the changes of members, in the order in which it was said. */
  readonly outcomes: ChangeOutcome[] = [];
  readonly #ids: readonly string[];
  readonly #founders: readonly string[];
  readonly #nodes = new Map<string, StoryNode>();
  readonly #settings: Settings;
  readonly #agreement = new Agreement();
  #letters: Letter[] = [];
  readonly #cuts = new Set<string>();
  readonly #paused = new Set<string>();
  #nowMs = 0;
  #sayTime = true;
  #starts = 0;
  #quiet = false;
  #reads = 0;
  readonly #files = new SnapshotFiles();
  /** What each node has been asked to fetch last. */
  readonly #offers = new Map<string, SnapshotRecord>();
  #changes = 0;

  /** The `joiners` among `ids` have no table of founders: they wait to be added. */
  constructor(ids: readonly string[], settings: Partial<Settings> = {}, joiners: readonly string[] = []) {
    this.#ids = ids;
    this.#founders = ids.filter((id) => !joiners.includes(id));
    this.#settings = { ...defaultSettings, ...settings };
    for (const id of ids) this.#nodes.set(id, nodeThatIsDown(id, new Disk(`${id}-disk1`)));
  }

  // The story

  /** A sentence of the story. */
  say(sentence: string): void {
    this.lines.push("", `# ${sentence}`);
  }

  /** What happens within is not written down; the state of the cluster after it is. */
  aside(sentence: string, happening: () => void): void {
    this.say(sentence);
    this.#quiet = true;
    happening();
    this.#quiet = false;
    this.show();
  }

  /** Writes down the state of these nodes, or of all. */
  show(...ids: readonly string[]): void {
    for (const id of ids.length > 0 ? ids : this.#ids) {
      const { state } = this.#node(id);
      this.lines.push(`  = ${state === null ? `${id} is down` : describeState(state)}`);
    }
  }

  // Nodes

  start(...ids: readonly string[]): void {
    for (const id of ids) this.#start(id, this.#founders.includes(id));
  }

  /** Without its table of founders: whatever has been founded, the node waits to be added to it. */
  startToJoin(id: string): void {
    this.#start(id, false);
  }

  #start(id: string, isFounder: boolean): void {
    const node = this.#node(id);
    this.#note(`${id} starts`);
    node.entries = this.#files.complete(node.disk.snapshot, node.disk.baseIndex, node.disk.entries);
    node.state = restore(node.disk.saved(), {
      self: toMemberKey(id, node.disk.incarnation),
      settings: this.#settings,
      seed: [this.#starts++, 2, 3, 4],
      nowMs: this.#nowMs,
      wallMs: 1_700_000_000_000 + this.#nowMs,
      bootstrap: isFounder ? this.#founders.map((each) => ({ id: each, address: `${each}:7400` })) : null,
      plugin: null,
    });
    node.affiliation = affiliationOf(node.state);
    checkState(node.state);
  }

  /** Both sides' hellos, which leave at the same time, with what they know of the genesis durably. */
  connect(a: string, b: string): void {
    if (this.#node(a).state === null || this.#node(b).state === null || this.#isCut(a, b)) return;
    const [helloOfA, helloOfB] = [helloOf(this.#node(a)), helloOf(this.#node(b))];
    this.#step(a, helloOfB);
    this.#step(b, helloOfA);
  }

  connectAll(...ids: readonly string[]): void {
    const all = ids.length > 0 ? ids : this.#ids;
    for (const [at, a] of all.entries()) for (const b of all.slice(at + 1)) this.connect(a, b);
  }

  /** For what happens to it while the node is down. */
  readonly diskOf = (id: string): Disk => this.#node(id).disk;

  /** Power off: what is not durable is forgotten, what is on its way to or from the node is lost. */
  crash(id: string): void {
    const node = this.#node(id);
    const lost = node.disk.forget();
    this.#note(`${id} crashes${lost > 0 ? `, and ${lost} of its writes with it` : ""}`);
    node.state = null;
    this.#letters = this.#letters.filter(({ from, to }) => nodeIdOf(from) !== id && nodeIdOf(to) !== id);
  }

  /** Some of a message of that other node has come to this one. */
  part(id: string, of: string): void {
    this.#step(id, { kind: "partReceived", from: toMemberKey(of, this.#node(of).disk.incarnation) });
  }

  /** The node finds out that the process of that other one has ended. */
  evidence(id: string, of: string): void {
    this.#step(id, { kind: "peerCrashed", peer: toMemberKey(of, this.#node(of).disk.incarnation) });
  }

  /** Its disk is replaced by an empty one: another incarnation. The node must be down. */
  wipe(id: string): void {
    const node = this.#node(id);
    const number = Number(/\d+$/.exec(node.disk.incarnation)?.[0]) + 1;
    this.#note(`${id} gets an empty disk`);
    this.#nodes.set(id, nodeThatIsDown(id, new Disk(`${id}-disk${number}`)));
  }

  /** The node is stopped: its timer does not fire, and what it is sent waits. */
  pause(id: string): void {
    this.#note(`${id} is stopped`);
    this.#paused.add(id);
  }

  resume(id: string): void {
    this.#note(`${id} goes on`);
    this.#paused.delete(id);
  }

  // Disks

  /** From now on the node's writes wait for `sync`. */
  stallDisk(id: string): void {
    this.#note(`the disk of ${id} stalls`);
    this.#node(id).disk.isStalled = true;
  }

  /** What has been written becomes durable, and the disk works again. */
  sync(id: string): void {
    this.#note(`the disk of ${id} has caught up`);
    const { disk } = this.#node(id);
    disk.isStalled = false;
    this.#syncIfFast(id);
  }

  // The network

  /** Delivers what is under way now, in order; what that causes stays under way. */
  deliver(which: Which = {}): void {
    const arriving = this.#letters.filter((letter) => this.#canArrive(letter, which));
    this.#letters = this.#letters.filter((letter) => !this.#canArrive(letter, which));
    for (const { from, to, message } of arriving) {
      const { disk, state, entries } = this.#node(nodeIdOf(to));
      if (state === null || disk.incarnation !== incarnationOf(to)) continue;
      const shared = sharedPosition(state.log, message, chainsOf(entries)) ?? undefined;
      this.#step(nodeIdOf(to), { kind: "message", from, message, ...(shared && { shared }) });
    }
  }

  /** Delivers until nothing (of the kind) is under way. */
  settle(which: Which = {}): void {
    for (let rounds = 0; this.#letters.some((letter) => this.#canArrive(letter, which)); rounds++) {
      if (rounds > 1000) throw new Error("the cluster does not come to rest");
      this.deliver(which);
    }
  }

  lose(which: Which = {}): void {
    const lost = this.#letters.filter((letter) => matches(letter, which));
    this.#letters = this.#letters.filter((letter) => !matches(letter, which));
    for (const { from, to, message } of lost)
      this.#note(`lost: ${message.kind} from ${nodeIdOf(from)} to ${nodeIdOf(to)}`);
  }

  /** Nothing passes between these nodes and the others. */
  cutOff(...ids: readonly string[]): void {
    this.#note(`${ids.join(" and ")} cut off from the others`);
    for (const a of ids) for (const b of this.#ids) if (!ids.includes(b)) this.#cuts.add(`${a} ${b}`).add(`${b} ${a}`);
    this.#letters = this.#letters.filter(({ from, to }) => !this.#isCut(nodeIdOf(from), nodeIdOf(to)));
  }

  /** The network is whole again, and those that were apart connect anew. */
  heal(): void {
    this.#note("the network is whole again");
    const cuts = [...this.#cuts].map((pair) => pair.split(" ") as [string, string]);
    this.#cuts.clear();
    for (const [a, b] of cuts) if (a < b) this.connect(a, b);
  }

  // Time

  get nowMs(): number {
    return this.#nowMs;
  }

  pass(forMs: number): void {
    this.#nowMs += forMs;
    this.#sayTime = true;
  }

  /** When the node's timer is due, in whole ms. */
  dueMs(id: string): number {
    return Math.ceil(nextDeadlineMs(this.state(id)));
  }

  /** Time passes until the node's timer fires (if it is not overdue already), and it fires. */
  fire(id: string): void {
    const dueMs = this.dueMs(id);
    if (dueMs > this.#nowMs) this.pass(dueMs - this.#nowMs);
    this.#step(id, { kind: "tick" });
  }

  /** Life goes on for a while: every timer fires when it is due, every message arrives at once. */
  live(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    let idle = 0;
    this.settle();
    for (;;) {
      const due = this.#ids
        .filter((id) => this.#node(id).state !== null && !this.#paused.has(id))
        .map((id) => ({ id, dueMs: this.dueMs(id) }))
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined || due.dueMs > endMs) break;
      idle = due.dueMs > this.#nowMs ? 0 : idle + 1;
      if (idle > 100) throw new Error(`the timer of ${due.id} is due for ever`);
      this.fire(due.id);
      this.settle();
    }
    this.pass(Math.max(0, endMs - this.#nowMs));
  }

  // Clients

  /** This many commands, of 4 bytes each, reach the node together. */
  propose(id: string, count = 1): void {
    const payload = new Uint8Array(4);
    const proposals = Array.from(
      { length: count },
      (_, ref) => ({ kind: "command", ref, payload, session: null }) as const,
    );
    this.#step(id, { kind: "propose", proposals });
  }

  transfer(id: string, to: string | null): void {
    this.#step(id, { kind: "transferLeadership", ref: 1, to });
  }

  /** Queries reach the node, which are to see everything acknowledged before. */
  read(id: string): void {
    this.#step(id, { kind: "read", ref: ++this.#reads });
  }

  /** An administrator asks the node to change the membership. */
  change(id: string, part: Partial<MembershipChange>, expectedIndex: number | null = null): void {
    const ref = ++this.#changes;
    this.#step(id, { kind: "changeMembership", ref, change: { ...noChange, ...part }, expectedIndex });
  }

  /** The node makes a snapshot of everything that it has applied. */
  takeSnapshot(id: string): void {
    const snapshot = this.#files.take(id, this.state(id), this.#node(id).entries);
    this.#step(id, { kind: "snapshotTaken", snapshot });
  }

  /** The file that the node was asked to fetch is there. */
  finishFetching(id: string): void {
    const snapshot = this.#offers.get(id);
    if (snapshot === undefined) throw new Error(`${id} fetches nothing`);
    this.#step(id, { kind: "snapshotFetched", snapshot });
  }

  keyOf(id: string): MemberKey {
    return toMemberKey(id, this.#node(id).disk.incarnation);
  }

  // What a story asserts

  state(id: string): State {
    const { state } = this.#node(id);
    if (state === null) throw new Error(`${id} is down`);
    return state;
  }

  /** The terms of the node's entries, in order. */
  logOf(id: string): readonly number[] {
    return this.#node(id).entries.map(({ term }) => term);
  }

  get leaders(): readonly string[] {
    return this.#ids.filter((id) => this.#node(id).state?.role.kind === "leader");
  }

  // One step

  #step(id: string, event: Untimed): void {
    const before = this.state(id);
    const [after, effects] = step(before, { ...event, nowMs: this.#nowMs });
    checkState(after);
    checkTransition(before, after);
    const node = this.#node(id);
    node.state = after;
    this.#note(`${id}: ${describeEvent({ ...event, nowMs: this.#nowMs })}`);
    for (const effect of effects) this.#execute(node, effect);
    this.#agreement.check(after, node.entries);
    this.#syncIfFast(id);
  }

  #execute(node: StoryNode, effect: Effect): void {
    this.#note(`    ${describeEffect(effect)}`);
    if (effect.kind === "appendLog") node.entries = [...node.entries, ...effect.entries];
    if (effect.kind === "fetchSnapshot") this.#offers.set(node.id, effect.snapshot);
    if (effect.kind === "writeSnapshot" && effect.discardsLog) node.entries = this.#files.contentsOf(effect.snapshot);
    if (effect.kind === "truncateLog") node.entries = node.entries.slice(0, effect.through);
    if ("ticket" in effect) node.disk.write(effect);
    if (effect.kind === "send") this.#post(node, effect.to, effect.message);
    if (effect.kind === "sendEntries") this.#post(node, effect.to, appendEntriesOf(effect, node.entries));
    if (effect.kind === "halt") node.state = null;
    if (effect.kind === "accuse") throw new Error(`${node.id}: ${describeEffect(effect)}`);
    if (effect.kind === "changeSettled") this.outcomes.push(effect.outcome);
  }

  #post(node: StoryNode, to: MemberKey, message: Message): void {
    if (this.#isCut(node.id, nodeIdOf(to)) || this.#node(nodeIdOf(to)).state === null) return;
    this.#letters.push({ from: toMemberKey(node.id, node.disk.incarnation), to, message });
  }

  #syncIfFast(id: string): void {
    const { disk, state } = this.#node(id);
    if (disk.isStalled || state === null) return;
    const ticket = disk.sync();
    if (ticket !== null) this.#step(id, { kind: "persisted", ticket });
  }

  #node(id: string): StoryNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id} in this story`);
    return node;
  }

  #canArrive(letter: Letter, which: Which): boolean {
    return matches(letter, which) && !this.#paused.has(nodeIdOf(letter.to));
  }

  #isCut = (a: string, b: string): boolean => this.#cuts.has(`${a} ${b}`);

  #note(line: string): void {
    if (this.#quiet) return;
    if (this.#sayTime) this.lines.push(`  at ${this.#nowMs} ms`);
    this.#sayTime = false;
    this.lines.push(`  ${line}`);
  }
}
