// Who changes the members of a simulated cluster, and has leadership handed over? An administrator with a client, who asks for one
// thing at a time, and never for what would leave no quorum of nodes with their disks. It brings nodes back that have been removed or
// wiped, and checks what it is told. When the faults are over it announces the members that have moved.
import { GraftClient } from "../client/client.ts";
import { pursueChange } from "../client/membership.ts";
import { type Configuration, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { Term } from "../core/log-position.ts";
import { type MembershipChange, noChange } from "../core/membership-change.ts";
import { nextConfiguration } from "../core/next-configuration.ts";
import { GraftError } from "../errors.ts";
import type { RequestedChange } from "../ports/membership-requests.ts";
import type { Chance, Range } from "./chance.ts";
import type { ClientLinks } from "./client-links.ts";
import { type Candidate, drawChange, drawUndoing, type Nodes } from "./draw-change.ts";
import { Life } from "./life.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";
import type { Standing } from "./standing.ts";

export interface AdministratorPace {
  /** Between two requests, on average. 0: there are none. */
  readonly everyMs: number;
  /** Whether it adds all nodes that are no members before it does anything else. */
  readonly growsFirst: boolean;
  readonly timeoutMs: Range;
  /** How long a node may sleep with a request before it looks at it. */
  readonly echoMs: number;
  /** How often leadership is handed over while a change of the members is under way, and so long after it was asked for. */
  readonly meanwhile: number;
  readonly meanwhileMs: Range;
  /** How often the leader is cut off as it is asked for a change, or a newcomer when it has been found. */
  readonly cutOff: number;
  readonly weights: Readonly<Record<"change" | "handOver" | "bringBack", number>>;
}

export interface AdministratorWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly links: ClientLinks;
  readonly members: readonly Member[];
  readonly standing: Standing;
  readonly cutOffLeader: () => void;
  /** Members that are to be reached at other addresses than the cluster has of them. */
  readonly moved: () => readonly Member[];
  readonly cutOff: (member: Member) => void;
  /** Who has led, by terms. */
  readonly leaders: ReadonlyMap<Term, MemberKey>;
  readonly trace: (line: string) => void;
  readonly violated: (what: string) => void;
}

/** Longer than all nodes take to find out whether they reach a member at its address. */
const announceTimeoutMs = 10_000;

export class Administrator {
  readonly #pace: AdministratorPace;
  readonly #world: AdministratorWorld;
  readonly #client: GraftClient;
  readonly #life: Life;
  #growsFirst: boolean;
  #isAsking = false;
  /** It has asked for leadership to be handed over, and has no answer yet. */
  isHandingOver = false;
  /** Those whose removal was asked for, and may still come true. */
  readonly #leaving = new Set<MemberKey>();
  /** Until then an earlier request may still be carried out, by a node that slept. */
  #echoesUntilMs = 0;
  #isOver = false;
  changes = 0;
  handOvers = 0;
  broughtBack = 0;

  constructor(pace: AdministratorPace, world: AdministratorWorld) {
    this.#pace = pace;
    this.#world = world;
    const { schedule, chance, links, members } = world;
    this.#life = new Life(schedule, chance);
    const addresses = members.map(({ address }) => address);
    const dial = links.dialOf("administrator", this.#life);
    this.#client = new GraftClient({ addresses, dial, clock: this.#life, session: "none" });
    this.#growsFirst = pace.growsFirst;
    if (pace.everyMs > 0) this.#next();
  }

  /** The faults are over: from now on it announces members that have moved. */
  end(): void {
    this.#isOver = true;
    this.#announceNext();
  }

  /** It waits for no answer, and each member is where the cluster looks for it. */
  get hasDone(): boolean {
    return !this.#isAsking && !this.isHandingOver && this.#world.moved().length === 0;
  }

  /** Nothing that it has asked for may still happen. */
  get isIdle(): boolean {
    return !this.#isAsking && this.#world.schedule.nowMs >= this.#echoesUntilMs;
  }

  #next(): void {
    const { chance } = this.#world;
    this.#life.after(chance.wait(this.#pace.everyMs), () => {
      if (this.#isOver) return;
      void this.#act().then(() => this.#next());
    });
  }

  #announceNext(): void {
    this.#life.after(this.#pace.timeoutMs.low, () => void this.#announce().then(() => this.#announceNext()));
  }

  /** As docs/operations.md says. Two members that do not know where the other one is may never find each other. */
  async #announce(): Promise<void> {
    const { moved, standing } = this.#world;
    const voters = standing.governing?.voters ?? [];
    const running = moved().filter(({ isUp }) => isUp);
    const add = running.map(({ key, address }) => ({
      key: key!,
      address,
      priority: null,
      voter: voters.includes(key!),
    }));
    if (this.#isAsking || add.length === 0) return;
    this.#tryAll();
    const options = { timeoutMs: announceTimeoutMs };
    await this.#ask({ ...noChange, add }, (change) => this.#client.changeMembership(change, options));
  }

  #tryAll(): void {
    for (const { address } of this.#world.members) this.#client.alsoTry(address);
  }

  async #act(): Promise<void> {
    this.#tryAll();
    if (this.#growsFirst) return this.#askForChange();
    switch (this.#world.chance.weighted(this.#pace.weights)) {
      case "change":
        return this.#askForChange();
      case "handOver":
        return this.#handOver();
      case "bringBack":
        return this.#bringBack();
    }
  }

  async #askForChange(): Promise<void> {
    const { chance, members, standing } = this.#world;
    const leader = chance.shuffled(members).find(({ isLeader }) => isLeader);
    const placed = leader?.node?.state.log.configurations.at(-1);
    if (this.#isAsking || placed === undefined || placed.configuration.outgoing.length > 0) return;
    const { configuration, position } = placed;
    // What is left of an earlier request expects the configuration that it was drawn for, unless it only adds.
    if (!this.isIdle && configuration.pending.length === 0) return;
    // A node that says that it was removed is brought back before it is added.
    const candidates = members.filter(({ isUp, isOut }) => isUp && !isOut);
    const running = candidates.map(({ key, address }): Candidate => ({ key: key!, address }));
    const silent = members.flatMap(({ key, isUp, isAsleep }) => (key !== null && (!isUp || isAsleep) ? [key] : []));
    const copying = members.flatMap(({ key, node }) => (key !== null && node?.state.refill ? [key] : []));
    const change = this.#draw(configuration, { running, silent, copying });
    const decision = nextConfiguration(configuration, change, []);
    if (decision.kind === "append" && !standing.isBearable(decision.configuration)) return;
    const isGrowing = this.isIdle && change.remove.length + change.demote.length === 0;
    await this.#pursue(change, isGrowing && chance.happens(0.5) ? {} : { expectedIndex: position.index });
  }

  #draw(current: Configuration, nodes: Nodes): MembershipChange {
    const { chance } = this.#world;
    if (!this.isIdle) return drawUndoing(current, chance);
    const isThere = ({ key }: Candidate): boolean => current.members.some((member) => member.key === key);
    this.#growsFirst &&= !nodes.running.every(isThere);
    if (!this.#growsFirst) return drawChange(current, nodes, chance);
    const add = nodes.running
      .filter((each) => !isThere(each))
      .map((each) => ({ ...each, priority: null, voter: true }));
    return { ...noChange, add };
  }

  /** In a way that is drawn, and maybe with something else that happens meanwhile. */
  async #pursue(change: MembershipChange, expected: { readonly expectedIndex?: number }): Promise<void> {
    const { schedule, chance } = this.#world;
    const options = { timeoutMs: this.#timeoutMs(), ...expected };
    const beganMs = schedule.nowMs;
    const isPursued = chance.happens(0.3);
    let meanwhile = Promise.resolve();
    const outcome = await this.#ask(change, (asked) => {
      const work = isPursued
        ? pursueChange(this.#client, asked, options)
        : this.#client.changeMembership(asked, options);
      if (chance.happens(this.#pace.cutOff)) this.#cutOffOneOf(change);
      if (chance.happens(this.#pace.meanwhile)) meanwhile = this.#handOverMeanwhile(change);
      return work;
    });
    // What is pursued may have been asked for twice.
    const isClear = !isPursued && outcome?.effect !== "unknown";
    const echoesUntilMs = isClear ? 0 : beganMs + options.timeoutMs + this.#pace.echoMs;
    this.#echoesUntilMs = Math.max(this.#echoesUntilMs, echoesUntilMs);
    await meanwhile;
  }

  /** Resolves with null when the change was reported to be done. */
  async #ask(change: MembershipChange, ask: (change: RequestedChange) => Promise<unknown>): Promise<GraftError | null> {
    const { trace } = this.#world;
    const before = this.#picture();
    trace(`the administrator asks for ${JSON.stringify(change)}`);
    this.#isAsking = true;
    const leaving = this.#world.standing.governing?.members ?? [];
    for (const { key } of leaving) if (change.remove.includes(nodeIdOf(key))) this.#leaving.add(key);
    const outcome = await ask(requested(change))
      .then(() => null)
      .catch(asFailure);
    this.#isAsking = false;
    this.changes++;
    trace(`the administrator is told: ${wordsOf(outcome)}`);
    if (outcome === null) this.#checkDone(change);
    else if (outcome.effect === "none") this.#checkUnchanged(before, outcome);
    return outcome;
  }

  /** What waits for a newcomer that is cut off waits long, and the administrator asks for other changes meanwhile. */
  #cutOffOneOf({ add }: MembershipChange): void {
    const { chance, members, cutOff, cutOffLeader } = this.#world;
    const newcomer = members.find(({ key }) => add.some((each) => each.key === key));
    if (newcomer === undefined || chance.happens(0.5)) return cutOffLeader();
    this.#life.after(chance.from(this.#pace.meanwhileMs), () => cutOff(newcomer));
  }

  /** While the leader carries out a change: at once, or when it has begun with it, and rather to a node that is to stop voting. */
  async #handOverMeanwhile({ demote, remove }: MembershipChange): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#life.after(this.#world.chance.from(this.#pace.meanwhileMs), resolve);
    await promise;
    return this.#handOver(this.#world.members.filter(({ id }) => demote.includes(id) || remove.includes(id)));
  }

  /** It has happened: whoever was to go is gone, and whoever was to come is there, or has gone again by an earlier request. */
  #checkDone({ add, remove }: MembershipChange): void {
    const governing = this.#world.standing.governing;
    const ids = governing?.members.map(({ key }) => nodeIdOf(key)) ?? [];
    const isThere = add.every(
      ({ key }) => this.#leaving.has(key) || governing?.members.some((member) => member.key === key),
    );
    const isGone = remove.every((id) => !ids.includes(id) || add.some(({ key }) => nodeIdOf(key) === id));
    if (isThere && isGone) return;
    this.#world.violated(`a change of the members was reported to be done, and the members are ${ids.join(", ")}`);
  }

  /** Nothing that was asked for earlier is under way, so that whatever has changed has been changed by this request. */
  #checkUnchanged(before: readonly string[] | null, { message }: GraftError): void {
    const after = this.#picture();
    // Of what was possible before, some may have been decided since.
    if (before === null || after === null || after.every((each) => before.includes(each))) return;
    this.#world.violated(
      `a change of the members was reported to have had no effect: ${message}; ${before.join(" or ")} became ${after.join(" or ")}`,
    );
  }

  /** All members, in every configuration that may come to be in force; null: some of it still changes by itself. */
  #picture(): readonly string[] | null {
    const { standing, members } = this.#world;
    const possible = standing.possible();
    if (standing.governing === null) return null;
    if (possible.some(({ pending, outgoing }) => pending.length + outgoing.length > 0)) return null;
    // A leader that was elected without the latest configuration cuts it off.
    if (members.every(({ isLeader }) => !isLeader)) return null;
    return [...new Set(possible.map(pictureOf))].sort();
  }

  async #handOver(preferred: readonly Member[] = []): Promise<void> {
    const { chance, members, trace, violated, leaders } = this.#world;
    const to = chance.happens(0.4) ? null : chance.pick(preferred.length > 0 ? preferred : members).id;
    trace(`the administrator has leadership handed over to ${to ?? "any node"}`);
    const before = [...leaders.keys()];
    // One that slept does not know that it has a successor, and has nothing to do.
    const ledAlready = members.some(({ id, isLeader }) => id === to && isLeader);
    const timeoutMs = this.#timeoutMs();
    this.isHandingOver = true;
    const outcome = await this.#client
      .transferLeadership(to, { timeoutMs })
      .then(() => null)
      .catch(asFailure);
    this.isHandingOver = false;
    this.handOvers++;
    trace(`the administrator is told: ${wordsOf(outcome)}`);
    if (outcome !== null || to === null || ledAlready) return;
    // A node that slept may wake with the votes of an earlier term, and lead that term.
    const led = Array.from(leaders).filter(([, key]) => nodeIdOf(key) === to);
    const hasLed = led.some(([term]) => term >= Math.max(0, ...before) || !before.includes(term));
    if (!hasLed) violated(`leadership was reported to have been handed over to ${to}, which has not led since`);
  }

  /** A node that has been removed, or wiped, comes again with an empty disk, to be added. */
  async #bringBack(): Promise<void> {
    const { chance, members } = this.#world;
    const out = members.filter(({ isOut }) => isOut);
    if (out.length === 0) return;
    const member = chance.pick(out);
    if (member.isUp) member.crash();
    if (member.disk.isRemoved || this.#mustEmpty(member)) member.wipe();
    member.join();
    member.start();
    this.broughtBack++;
  }

  /** Whether its node says that it needs an empty disk: it has to say what to do when it does not start. */
  #mustEmpty({ id, refusal }: Member): boolean {
    if (refusal === null) return false;
    if (!refusal.includes(emptyDiskAdvice)) this.#world.violated(`${id} does not say what to do: ${refusal}`);
    this.#world.trace(`the administrator gives ${id} an empty disk, as its node says`);
    return true;
  }

  #timeoutMs(): number {
    return Math.ceil(this.#world.chance.from(this.#pace.timeoutMs));
  }
}

/** What a node says whose data cannot be relied on. */
const emptyDiskAdvice = "Join the cluster again";

const pictureOf = ({ members, voters }: Configuration): string =>
  members
    .map(({ key, address, priority }) => `${key} at ${address} ${priority}${voters.includes(key) ? "" : " learns"}`)
    .sort()
    .join(", ");

const requested = (change: MembershipChange): RequestedChange => ({
  ...change,
  add: change.add.map(({ key, ...rest }) => ({ ...rest, id: nodeIdOf(key), behindNat: false })),
});

const wordsOf = (outcome: GraftError | null): string =>
  outcome === null ? "done" : `${outcome.code}: ${outcome.message}`;

function asFailure(error: unknown): GraftError {
  if (error instanceof GraftError) return error;
  throw error;
}
