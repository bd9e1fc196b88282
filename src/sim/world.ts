// Everything that a simulation is made of, and its way from the first event to the quiet time: nodes, clients, faults and checks. All that
// happens is an event of one schedule, and promises are drained after each.
import { drainMicrotasks } from "bun:jsc";
import type { NodeId } from "../core/configuration.ts";
import { Chance } from "./chance.ts";
import { Schedule } from "./schedule.ts";
import { Administrator } from "./administrator.ts";
import { Agreement } from "./agreement.ts";
import { AnyLoad } from "./any-load.ts";
import { Ballots } from "./ballots.ts";
import { Bounds } from "./bounds.ts";
import { Certificates } from "./certificates.ts";
import { ClientCuts } from "./client-cuts.ts";
import { ClientLinks } from "./client-links.ts";
import { drawOver } from "./draw-input.ts";
import { type FaultName, Faults } from "./faults.ts";
import { Liars } from "./liars.ts";
import { Member, type MemberWorld } from "./member.ts";
import { SimNetwork } from "./network.ts";
import type { Pace } from "./pace.ts";
import { HowFar } from "./how-far.ts";
import { KeyValueLoad } from "./key-value-load.ts";
import { PluginTrouble } from "./plugin-trouble.ts";
import { Promises } from "./promises.ts";
import { Replica } from "./replica.ts";
import { RareStateWatch } from "./rare-states/watch.ts";
import { ReplicatedTime } from "./replicated-time.ts";
import { Safety } from "./safety.ts";
import { Settled } from "./settled.ts";
import { Standing } from "./standing.ts";
import { StaleReads } from "./stale-reads.ts";
import { Standstills } from "./standstills.ts";
import { chancesOf, paceFor } from "./story.ts";
import { stamped } from "./transcript.ts";
import { Verdict } from "./verdict.ts";
import type { WholeOptions, WholeResult } from "./whole-run.ts";
import { atOnceOf, hurriedMax, type Load, Workload } from "./workload.ts";
import { WorstMoments } from "./worst-moments.ts";

/** How long the cluster may take to serve again when all faults are over, in election timeouts. */
const quietTimeouts = 200;
/** How long a poison lasts when the faults are over, ms: a hang is named after five seconds. And how often leadership may move then. */
const restMs = 8000;
const restElectionsMax = 2;
/** How many operations have to succeed then. */
const successesMin = 30;

/** In events. */
const partLength = 2000;

export class World {
  readonly #options: WholeOptions;
  readonly #eventsMax: number;
  readonly #schedule = new Schedule();
  readonly #chance: Chance;
  readonly #verdict: Verdict;
  readonly #hash = new Bun.CryptoHasher("sha256");
  readonly #members: Member[] = [];
  readonly #workload: Workload;
  readonly #faults: Faults;
  readonly #standing: Standing;
  readonly #administrator: Administrator;
  readonly #network: SimNetwork;
  readonly #links: ClientLinks;
  readonly #electionTimeoutMs: number;
  readonly #moments: WorstMoments;
  readonly #safety = new Safety(this.#members, {
    broken: (what) => this.#verdict.note(what),
    elected: (member, state) => {
      this.#ballots.onElected(state);
      this.#moments.onElected(member);
    },
    committed: (leader) => this.#moments.onCommitted(leader),
    changed: (leader) => this.#moments.onChanged(leader),
  });
  readonly #promises = new Promises(
    (what) => this.#verdict.note(what),
    (voter) => this.#moments.onVoted(this.#members.find(({ key }) => key === voter)!),
  );
  readonly #ballots = new Ballots((what) => this.#verdict.note(what));
  readonly #howFar = new HowFar(this.#schedule, (what) => this.#verdict.note(what));
  readonly #agreement = new Agreement((what, cause) => this.#verdict.note(what, cause));
  readonly #anyLoad: AnyLoad | null;
  readonly #load: Load;
  readonly #rareStates = new RareStateWatch({
    members: this.#members,
    leaders: this.#safety.leaders,
    governing: () => this.#standing.governing,
    isCut: (one, other) => this.#network.isCut(one, other),
  });
  readonly #trouble: PluginTrouble;
  readonly #staleReads: StaleReads;
  readonly #certificates: Certificates;
  readonly #time: ReplicatedTime;
  readonly #bounds: Bounds;
  readonly #standstills: Standstills;
  readonly #liars: Liars;
  readonly #settled = new Settled(this.#members, () => ({
    standing: this.#standing,
    standstills: this.#standstills,
    certificates: this.#certificates,
    network: this.#network,
    workload: this.#workload,
  }));
  #events = 0;
  #restores = 0;
  #damages = 0;

  constructor(options: WholeOptions) {
    this.#options = options;
    this.#eventsMax = options.events ?? 20_000;
    this.#verdict = new Verdict(options.seed, () => this.#events);
    const violated = this.#verdict.note;
    const { chance, more, later, last } = chancesOf(options.seed);
    this.#chance = chance;
    const pace = paceFor(options, { chance, more, later });
    const { electionTimeoutMs } = pace.member.settings;
    this.#electionTimeoutMs = electionTimeoutMs;
    const trace = (line: string): void => this.#say(line);
    const shared = { schedule: this.#schedule, chance, members: this.#members, trace, violated };
    this.#network = new SimNetwork(this.#schedule, chance, pace.network, trace);
    const cuts = new ClientCuts(pace.clientCuts, { ...shared, later, network: this.#network });
    const repeating = { chance: later, repeatMaxMs: pace.network.silenceMs, violated };
    const links = (this.#links = new ClientLinks(this.#network, cuts, repeating));
    this.#trouble = new PluginTrouble(more, pace.trouble, () => this.#events, violated);
    this.#certificates = new Certificates(pace.certificates, { ...shared, chance: more });
    const operations = pace.workload.clients * atOnceOf(pace.workload) + hurriedMax;
    this.#bounds = new Bounds({ ...shared, operations, electionTimeoutMs });
    this.#time = new ReplicatedTime(this.#schedule, this.#members, violated);
    this.#addMachines(pace, { chance, links, trace });
    this.#standing = new Standing(this.#members, violated);
    this.#standstills = new Standstills({
      ...shared,
      chance: more,
      standing: this.#standing,
      mayLead: (member) => !this.#certificates.isLeft(member) && !this.#settled.resting.includes(member),
      moved: () => this.#settled.moved,
      noticeMs: pace.faults.machineMs,
    });
    this.#anyLoad = this.#loadOf(chance);
    this.#staleReads = new StaleReads(more, pace.stale, violated);
    this.#load = this.#anyLoad ?? this.#keyValueLoad(chance, pace);
    this.#workload = new Workload(this.#schedule, chance, {
      ...pace.workload,
      addresses: this.#members.filter(({ isFounder }) => isFounder).map(({ address }) => address),
      links,
      members: () => this.#standing.governing,
      load: this.#load,
      violated,
    });
    this.#administrator = new Administrator(pace.administrator, {
      ...shared,
      links,
      standing: this.#standing,
      leaders: this.#safety.leaders,
      cutOffLeader: () => this.#faults.cutOffLeader(),
      moved: () => this.#settled.moved,
      cutOff: (member) => this.#faults.cutOff(member),
    });
    const mayLose = (member: Member): boolean => this.#mayLose(member);
    const happened = (name: FaultName, member: Member): void => this.#rareStates.onFault(name, member);
    this.#faults = new Faults(pace.faults, { ...shared, later, last, network: this.#network, mayLose, happened });
    const keys = this.#anyLoad === null ? pace.workload.keys : null;
    this.#liars = new Liars(pace.liars, options.seed, { ...shared, links, keys });
    const hurry = ({ address }: Member): void => this.#workload.hurry(address);
    this.#moments = new WorstMoments(pace.moments, { ...shared, faults: this.#faults, hurry });
  }

  #addMachines(
    { founders, spares, member: pace }: Pace,
    shared: Pick<MemberWorld, "chance" | "links" | "trace">,
  ): void {
    for (let nth = 1; nth <= founders + spares; nth++) {
      const member = new Member(`n${nth}`, nth <= founders ? "founds" : "joins", {
        ...shared,
        network: this.#network,
        replica: (by, life) => this.#replica(by, life),
        pace,
        machines: this.#members,
        certificateEndOf: (by) => this.#certificates.endOf(by),
        applied: (by, life, entry) => {
          this.#safety.onApplied(by, life, entry);
          this.#time.onApplied(by, entry);
          this.#rareStates.onApplied(by, entry);
          this.#liars.onApplied(entry);
        },
        restored: () => void this.#restores++,
        flooded: (by, message) => this.#verdict.note(`${by} fills its log with "${message}"`),
        sent: (by, what, disk) => {
          this.#promises.onSent(what, disk);
          this.#ballots.onSent(by, what);
          this.#standstills.onSent(what);
          this.#rareStates.onSent(by, what);
        },
        heard: (by, from, message) => this.#ballots.onHeard(by, from, message),
        ending: (by, isCrash) => {
          this.#look(by);
          if (isCrash) this.#rareStates.onCrash(by);
        },
        refused: (by) => this.#rareStates.happens("refuses", { member: by }),
        sleeps: (by) => this.#rareStates.onSleep(by),
        damaged: () => void this.#damages++,
        wrongAt: (entry) => this.#trouble.wrongAt(entry),
        stoodStill: (by, standstill) => this.#standstills.onStoodStill(by, standstill),
        diverged: () => this.#faults.forgery.isExplained(),
        broken: (by, cause) => this.#verdict.note(`${by} failed: ${String(cause)}`, cause),
      });
      this.#members.push(member);
      this.#schedule.after(shared.chance.between(0, 50), () => member.start());
    }
  }

  *run(): Generator<undefined, WholeResult> {
    while (this.#events < this.#eventsMax) {
      this.#step();
      if (this.#isPartOver) yield;
    }
    this.#endFaults();
    yield* this.#rest();
    this.#standstills.end();
    // Clients have noticed by then that their connections are broken.
    const noticedMs = this.#schedule.nowMs + 2 * this.#electionTimeoutMs;
    const isDue = (): boolean => this.#schedule.nowMs >= noticedMs && this.#administrator.hasDone;
    yield* this.#until(
      "a leader that all follow, and that knows the address of each",
      () => isDue() && this.#settled.isLed,
    );
    this.#workload.expectSuccess(this.#members.map(({ address }) => address));
    this.#bounds.calm();
    yield* this.#until("operations that succeed", () => this.#workload.successes >= successesMin);
    this.#faults.startAll();
    this.#settled.resting = [];
    this.#workload.end();
    const isOver = (): boolean => this.#administrator.hasDone && this.#settled.isQuiet;
    yield* this.#until("all logs equal and applied, and nothing that waits", isOver);
    yield* this.#workload.check((what) => this.#verdict.violated(what));
    this.#verdict.mustHold();
    return {
      events: this.#events,
      frames: this.#network.frames,
      commands: this.#workload.commands,
      writes: this.#load.commands,
      answers: this.#workload.answers,
      elections: this.#safety.leaders.size,
      faults: this.#faults.count,
      restores: this.#restores,
      damages: this.#damages,
      changes: this.#administrator.changes,
      handOvers: this.#administrator.handOvers,
      broughtBack: this.#administrator.broughtBack,
      applied: this.#anyLoad?.applied ?? 0,
      rejections: this.#anyLoad?.rejections ?? 0,
      rareStates: this.#rareStates.counts,
      standstills: this.#standstills.count,
      sessionsEnded: this.#links.sessions.ended,
      sessionsRefused: this.#links.sessions.refused,
      staleReads: this.#staleReads.count,
      certificates: this.#certificates.expired,
      requestsMax: this.#bounds.requestsMax,
      latenessMax: this.#bounds.lateMax,
      digest: this.#hash.digest("hex"),
    };
  }

  #endFaults(): void {
    this.#faults.end(this.#administrator.isIdle ? this.#settled.drawResting(this.#chance) : []);
    this.#links.end();
    this.#administrator.end();
    this.#liars.end();
    this.#trouble.end();
    this.#standstills.rest();
    this.#say("all faults have ended");
    // A node whose certificate has expired cannot dial a moved member, and so no cluster would take the new address.
    const isAlone = this.#settled.resting.length === 0 && this.#settled.moved.length === 0;
    this.#certificates.end(this.#members, (member) => isAlone && this.#mayLose(member));
  }

  /** P72: a poison stops every copy of the state machine. Leadership stays where it is, until the operator has a corrected plugin. */
  *#rest(): Generator<undefined, void> {
    if (!this.#trouble.isPoisoned) return;
    // Whoever leads stays, also one that is left with something else that is wrong.
    const isLed = (): boolean => this.#settled.isLedByAny && !this.#administrator.isHandingOver;
    yield* this.#until("a leader that all follow, of nodes with a poison", isLed);
    const endMs = this.#schedule.nowMs + Math.max(30 * this.#electionTimeoutMs, restMs);
    const before = this.#safety.leaders.size;
    yield* this.#until("the end of a wait", () => this.#schedule.nowMs >= endMs);
    const elections = this.#safety.leaders.size - before;
    if (elections > restElectionsMax)
      this.#verdict.violated(`${elections} elections while a poison stops the state machines`);
    this.#trouble.correct();
    for (const member of this.#members) if (member.standstill !== null) member.restart();
    this.#say("the plugin has been corrected");
  }

  /** Nobody may ask for another configuration meanwhile. */
  #mayLose(member: Member): boolean {
    return this.#administrator.isIdle && this.#standing.mayLose(member);
  }

  #loadOf(chance: Chance): AnyLoad | null {
    const { plugin, drawing } = this.#options;
    if (drawing === undefined) return null;
    return new AnyLoad(chance, {
      plugin,
      drawing,
      agreement: this.#agreement,
      nowMs: () => this.#schedule.nowMs,
      howFar: this.#howFar,
      violated: (what) => this.#verdict.note(what),
      trace: (sentence) => this.#say(sentence),
    });
  }

  #keyValueLoad(chance: Chance, { workload: { keys } }: Pace): KeyValueLoad {
    return new KeyValueLoad(this.#schedule, chance, {
      keys,
      trouble: this.#trouble,
      stale: this.#staleReads,
      howFar: this.#howFar,
      trace: (sentence) => this.#say(sentence),
      foundDoubtful: () => this.#rareStates.happens("findsDoubtful", null),
    });
  }

  #replica(id: NodeId, life: number): Replica {
    const { seed, plugin, copy, drawing } = this.#options;
    return new Replica({
      id,
      life,
      copy: () => {
        if (drawing === undefined) return this.#trouble.copyOf(plugin);
        return copy?.((text) => this.#say(`the plugin of ${id} says: ${text}`)) ?? plugin;
      },
      agreement: this.#agreement,
      trace: (sentence) => this.#say(sentence),
      probes: (index) => drawing?.queries(drawOver(new Chance(seed + index))) ?? [],
    });
  }

  *#until(what: string, holds: () => boolean): Generator<undefined, void> {
    const endMs = this.#schedule.nowMs + quietTimeouts * this.#electionTimeoutMs;
    while (!holds()) {
      if (this.#schedule.nowMs > endMs)
        this.#verdict.violated(`not within ${quietTimeouts} election timeouts: ${what}`);
      this.#step();
      if (this.#isPartOver) yield;
    }
  }

  get #isPartOver(): boolean {
    return this.#events % partLength === 0;
  }

  #step(): void {
    if (!this.#schedule.runNext()) this.#verdict.violated("nothing is planned any more");
    drainMicrotasks();
    this.#events++;
    for (const member of this.#members) this.#look(member);
    this.#standstills.look();
    this.#verdict.mustHold();
  }

  #look(member: Member): void {
    if (member.node !== null) this.#standing.look(member.node.state);
    this.#ballots.look(member);
    this.#howFar.look(member);
    this.#safety.look(member);
    this.#rareStates.look(member);
    this.#liars.look(member);
    this.#bounds.look(member);
  }

  #say(line: string): void {
    const text = stamped(this.#schedule.nowMs, line);
    this.#hash.update(`${text}\n`);
    this.#options.trace?.(text);
  }
}
