// Everything that a simulation is made of: nodes, clients, faults and checks. All that happens is an event of one schedule, and promises are
// drained after each. Its way from the first event to the quiet time is course.ts.
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
import { isAwake } from "./awake.ts";
import { ClientCuts } from "./client-cuts.ts";
import { ClientLinks } from "./client-links.ts";
import { drawOver } from "./draw-input.ts";
import { Faults, type FaultVictims } from "./faults.ts";
import { Liars } from "./liars.ts";
import { Member, type MemberWorld } from "./member.ts";
import { SimNetwork } from "./network.ts";
import type { Pace } from "./pace.ts";
import { HowFar } from "./how-far.ts";
import { leadersHandOverInTime } from "./hand-over-time.ts";
import { KeyValueLoad } from "./key-value-load.ts";
import { PluginTrouble } from "./plugin-trouble.ts";
import { Promises } from "./promises.ts";
import { Replica } from "./replica.ts";
import { RareStateWatch } from "./rare-states/watch.ts";
import { ReplicatedTime } from "./replicated-time.ts";
import { Safety } from "./safety.ts";
import { SessionCount } from "./session-count.ts";
import { Settled } from "./settled.ts";
import { type SkipPace, Skipper } from "./skipper.ts";
import { Standing } from "./standing.ts";
import { StaleReads } from "./stale-reads.ts";
import { Spoils, type SpoilsWorld } from "./spoils.ts";
import { Standstills } from "./standstills.ts";
import { onlyVersion } from "../adapters/plugin/loader.ts";
import type { LogIndex } from "../core/log-position.ts";
import { chancesOf, paceFor } from "./story.ts";
import { stamped } from "./transcript.ts";
import { Verdict } from "./verdict.ts";
import type { WholeOptions, WholeResult } from "./whole-run.ts";
import { tellAll } from "./watching.ts";
import { atOnceOf, hurriedMax, type Load, Workload } from "./workload.ts";
import { versionOf } from "./versioned-store.ts";
import { Versions } from "./versions.ts";
import { type WakePace, WakeWatch } from "./wakes.ts";
import { WorstMoments } from "./worst-moments.ts";

export class World {
  readonly #options: WholeOptions;
  readonly schedule = new Schedule();
  readonly chance: Chance;
  readonly verdict: Verdict;
  /** The simulation ends with this event. */
  readonly violated = (what: string, cause?: unknown): void => this.verdict.note(what, cause);
  readonly #wakes: WakePace;
  readonly #hash = new Bun.CryptoHasher("sha256");
  readonly members: Member[] = [];
  readonly workload: Workload;
  readonly faults: Faults;
  readonly standing: Standing;
  readonly administrator: Administrator;
  readonly versions: Versions;
  readonly spoils: Spoils;
  readonly network: SimNetwork;
  readonly links: ClientLinks;
  readonly electionTimeoutMs: number;
  readonly leadersHandOver: boolean;
  readonly worstMoments: WorstMoments;
  readonly safety = new Safety(this.members, {
    broken: this.violated,
    led: (state) => this.ballots.onElected(state),
    elected: (member) => this.worstMoments.onElected(member),
    committed: (leader) => this.worstMoments.onCommitted(leader),
    changed: (leader) => this.worstMoments.onChanged(leader),
  });
  readonly promises = new Promises(this.violated, (voter) =>
    this.worstMoments.onVoted(this.members.find(({ key }) => key === voter)!),
  );
  readonly ballots = new Ballots(this.violated);
  readonly howFar = new HowFar(this.schedule, this.violated);
  readonly agreement = new Agreement(this.violated);
  readonly anyLoad: AnyLoad | null;
  readonly load: Load;
  readonly rareStates = new RareStateWatch({
    members: this.members,
    leaders: this.safety.leaders,
    governing: () => this.standing.governing,
    isCut: (one, other) => this.network.isCut(one, other),
  });
  readonly trouble: PluginTrouble;
  readonly skipper: Skipper;
  readonly skips: SkipPace;
  readonly staleReads: StaleReads;
  readonly certificates: Certificates;
  readonly sessionCount: SessionCount;
  readonly time: ReplicatedTime;
  readonly bounds: Bounds;
  readonly standstills: Standstills;
  readonly liars: Liars;
  readonly settled = new Settled(this.members, () => ({
    standing: this.standing,
    standstills: this.standstills,
    spoils: this.spoils,
    certificates: this.certificates,
    network: this.network,
    workload: this.workload,
    isAwake: (leader) => isAwake(leader, this.#options.drawing !== undefined),
  }));
  events = 0;
  restores = 0;
  damages = 0;

  constructor(options: WholeOptions) {
    this.#options = options;
    this.verdict = new Verdict(options.seed, () => this.events);
    const { violated } = this;
    const chances = chancesOf(options.seed);
    const { chance, more, later, last, ofVersions, ofSkips } = chances;
    this.chance = chance;
    const pace = paceFor(options, chances);
    this.#wakes = pace.wakes;
    const { electionTimeoutMs } = pace.member.settings;
    this.electionTimeoutMs = electionTimeoutMs;
    this.leadersHandOver = leadersHandOverInTime(pace);
    const trace = (line: string): void => this.say(line);
    const shared = { schedule: this.schedule, chance, members: this.members, trace, violated };
    this.network = new SimNetwork(this.schedule, chance, pace.network, trace);
    this.sessionCount = new SessionCount(pace.member.sessionLimits, violated);
    const links = (this.links = this.#linksOf(pace, { chance, later, trace }));
    this.trouble = new PluginTrouble(more, pace.trouble, () => this.events, violated);
    this.spoils = this.#spoilsOf(pace, shared);
    this.certificates = new Certificates(pace.certificates, { ...shared, chance: more });
    const operations = pace.workload.clients * atOnceOf(pace.workload) + hurriedMax;
    this.bounds = new Bounds({ ...shared, network: this.network, operations, electionTimeoutMs });
    this.time = new ReplicatedTime(this.schedule, this.members, violated);
    this.#addMachines(pace, { chance, links, trace });
    this.standing = new Standing(this.members, violated);
    this.standstills = new Standstills({
      ...shared,
      chance: more,
      standing: this.standing,
      mayLead: (member) => this.#mayLead(member),
      noticeMs: pace.faults.machineMs,
    });
    this.anyLoad = this.#loadOf(chance);
    this.staleReads = new StaleReads(more, pace.stale, violated);
    this.load = this.anyLoad ?? this.#keyValueLoad(chance, pace);
    this.workload = this.#workloadOf(chance, pace, links);
    this.administrator = new Administrator(pace.administrator, {
      ...shared,
      links,
      standing: this.standing,
      leaders: this.safety.leaders,
      cutOffLeader: () => this.faults.cutOffLeader(),
      moved: () => this.settled.moved,
      cutOff: (member) => this.faults.cutOff(member),
    });
    this.versions = new Versions(pace.versions, { ...shared, chance: ofVersions, links });
    this.faults = this.#faultsOf(pace, { ...shared, later, last });
    this.skips = { ...pace.skips, isChosen: pace.skips.isChosen && pace.trouble.poison !== null };
    const skipped = (): void => this.rareStates.happens("skips", null);
    this.skipper = new Skipper(this.skips, { ...shared, chance: ofSkips, links, trouble: this.trouble, skipped });
    const keys = this.anyLoad === null ? pace.workload.keys : null;
    this.liars = new Liars(pace.liars, options.seed, { ...shared, links, keys });
    this.worstMoments = new WorstMoments(pace.worstMoments, {
      ...shared,
      faults: this.faults,
      hurry: ({ address }) => this.workload.hurry(address),
    });
  }

  #spoilsOf(
    { member: { compareEvery }, faults }: Pace,
    shared: Pick<SpoilsWorld, "members" | "trace" | "violated">,
  ): Spoils {
    this.network.chunkSent = (id) => this.spoils.onChunk(this.members.find((member) => member.id === id)!);
    return new Spoils({
      ...shared,
      compareEvery,
      isPlayed: faults.weights.spoilCopy > 0,
      nowMs: () => this.schedule.nowMs,
      // Within that the disk has the mark of a snapshot whose state is wrong.
      markedMs: this.electionTimeoutMs,
      configuration: () => this.standing.governing,
      happened: (what, member) => {
        this.rareStates.happens(what, { member, state: member.node!.state });
        if (what === "namesCopy") this.worstMoments.onNamed(member);
      },
    });
  }

  #mayLead(member: Member): boolean {
    return !this.certificates.isLeft(member) && !this.settled.resting.includes(member);
  }

  #faultsOf(
    pace: Pace,
    shared: Pick<FaultVictims, "schedule" | "chance" | "later" | "last" | "members" | "trace">,
  ): Faults {
    return new Faults(pace.faults, {
      ...shared,
      spoils: this.spoils,
      network: this.network,
      mayLose: (member) => this.mayLose(member),
      happened: (name, member) => this.rareStates.onFault(name, member),
    });
  }

  #linksOf(pace: Pace, shared: Record<"chance" | "later", Chance> & Pick<MemberWorld, "trace">): ClientLinks {
    const { network, sessionCount, violated } = this;
    const cuts = new ClientCuts(pace.clientCuts, {
      ...shared,
      schedule: this.schedule,
      members: this.members,
      network,
      happened: (id) => this.rareStates.onClientsCut(id),
    });
    const repeatMaxMs = pace.network.silenceMs;
    const sentInVain = (): void => this.rareStates.happens("sendsInVain", null);
    const gaveResult = (id: NodeId): void => this.spoils.onResult(this.members.find((member) => member.id === id)!);
    const told = { sessionCount, repeatMaxMs, sentInVain, gaveResult, violated };
    return new ClientLinks(network, cuts, { chance: shared.later, ...told });
  }

  #addMachines(
    { founders, spares, member: pace }: Pace,
    shared: Pick<MemberWorld, "chance" | "links" | "trace">,
  ): void {
    for (let nth = 1; nth <= founders + spares; nth++) {
      const member = new Member(`n${nth}`, nth <= founders ? "founds" : "joins", {
        ...shared,
        network: this.network,
        replicas: (by) => this.#replicas(by),
        pace,
        machines: this.members,
        ...tellAll(() => this),
        restored: () => void this.restores++,
        damaged: () => void this.damages++,
      });
      this.members.push(member);
      this.schedule.after(shared.chance.between(0, 50), () => member.start());
    }
  }

  /** Nobody may ask for another configuration meanwhile. */
  mayLose(member: Member): boolean {
    return this.administrator.isIdle && this.standing.mayLose(member);
  }

  #loadOf(chance: Chance): AnyLoad | null {
    const { plugin, drawing } = this.#options;
    if (drawing === undefined) return null;
    return new AnyLoad(chance, {
      plugin,
      drawing,
      agreement: this.agreement,
      nowMs: () => this.schedule.nowMs,
      howFar: this.howFar,
      violated: this.violated,
      trace: (sentence) => this.say(sentence),
    });
  }

  #workloadOf(chance: Chance, pace: Pace, links: ClientLinks): Workload {
    return new Workload(this.schedule, chance, {
      ...pace.workload,
      addresses: this.members.filter(({ isFounder }) => isFounder).map(({ address }) => address),
      links,
      members: () => this.standing.governing,
      load: this.load,
      violated: this.violated,
    });
  }

  #keyValueLoad(chance: Chance, { workload: { keys } }: Pace): KeyValueLoad {
    return new KeyValueLoad(this.schedule, chance, {
      keys,
      trouble: this.trouble,
      stale: this.staleReads,
      howFar: this.howFar,
      trace: (sentence) => this.say(sentence),
      foundDoubtful: () => this.rareStates.happens("findsDoubtful", null),
    });
  }

  #replicas(id: NodeId): (machine: number) => Replica {
    // Versions that the operator adds while the node runs are found by its next life.
    const atHand = this.#options.drawing === undefined ? this.versions.atHand(id) : [];
    return (machine) => this.#replica(id, machine, atHand);
  }

  #replica(id: NodeId, machine: number, atHand: ReturnType<Versions["atHand"]>): Replica {
    const { seed, plugin, copy, drawing } = this.#options;
    const spoil = drawing === undefined ? this.spoils.begin(id) : null;
    const watch = new WakeWatch((what) => this.violated(`${id} in life ${machine}: ${what}`));
    return new Replica({
      id,
      machine,
      copy: () => {
        if (drawing === undefined) return this.trouble.copyOf(spoil?.copyOf(plugin) ?? plugin);
        return copy?.((text) => this.say(`the plugin of ${id} says: ${text}`)) ?? plugin;
      },
      versions: (copied) => {
        const ran = (step: number, index: LogIndex): void => this.versions.onRun(step, index);
        const events = { ran, watch };
        if (drawing !== undefined) return [onlyVersion(copied)];
        return atHand.map((version) => versionOf(version, copied, plugin, this.#wakes, events));
      },
      agreement: this.agreement,
      spoil,
      watch: drawing === undefined ? watch : null,
      trace: (sentence) => this.say(sentence),
      outcome: (entry, outcome) => this.sessionCount.onOutcome(entry, outcome),
      probes: (index) => drawing?.queries(drawOver(new Chance(seed + index))) ?? [],
    });
  }

  /** The next event happens, and everything is looked at. */
  step(): void {
    if (!this.schedule.runNext()) this.verdict.violated("nothing is planned any more");
    drainMicrotasks();
    this.events++;
    for (const member of this.members) this.look(member);
    this.bounds.lookAtNetwork();
    this.standstills.look();
    this.verdict.mustHold();
  }

  look(member: Member): void {
    if (member.node !== null) this.standing.look(member.node.state);
    this.ballots.look(member);
    this.howFar.look(member);
    this.safety.look(member);
    this.rareStates.look(member);
    this.liars.look(member);
    this.spoils.look(member);
    this.bounds.look(member);
  }

  /** How much of everything there was. */
  result(): WholeResult {
    return {
      events: this.events,
      frames: this.network.frames,
      commands: this.workload.commands,
      writes: this.load.commands,
      answers: this.workload.answers,
      elections: this.safety.leaders.size,
      faults: this.faults.count,
      restores: this.restores,
      damages: this.damages,
      changes: this.administrator.changes,
      handOvers: this.administrator.handOvers,
      rollOuts: this.versions.rollOuts,
      rollOutsRefused: this.versions.refusals,
      broughtBack: this.administrator.broughtBack,
      applied: this.anyLoad?.applied ?? 0,
      rejections: this.anyLoad?.rejections ?? 0,
      rareStates: this.rareStates.counts,
      copiesSpoiled: this.spoils.count,
      copiesNamed: this.spoils.named,
      standstills: this.standstills.count,
      sessionsEnded: this.links.sessions.ended,
      sessionsRefused: this.links.sessions.refused,
      staleReads: this.staleReads.count,
      certificates: this.certificates.expired,
      digest: this.#hash.digest("hex"),
    };
  }

  /** A line of the transcript. */
  say(line: string): void {
    const text = stamped(this.schedule.nowMs, line);
    this.#hash.update(`${text}\n`);
    this.#options.trace?.(text);
  }
}
