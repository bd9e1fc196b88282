// What becomes of an administrator's request to make another version of the state machine active? Every voter must have it: then one
// entry of the log names it, and from there on every node runs it. Asked for again, it is done already.
import {
  codeOf,
  isSamePlugin,
  type PlacedActivation,
  type PluginVersion,
  type VersionAtHand,
  versionWords,
} from "../core/activation.ts";
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClientReply } from "../ports/requests.ts";
import type { ClientConnection } from "../ports/transport.ts";
import type { RollOutRequest } from "../ports/version-requests.ts";
import { standstillWords, VersionLacking } from "./active-version.ts";
import { firstAnswer } from "./answers.ts";
import { knownLeader, notLeader } from "./known-leader.ts";
import type { OpenRequests } from "./open-requests.ts";
import { type ReplyError, timeoutMsMax, type Waiter } from "./waiting-clients.ts";

/** The node as such a request sees it. */
export interface RollOutTarget {
  readonly state: State;
  /** Why it takes no change just now; null: it does. */
  readonly refusalOfChanges: ReplyError | null;
  readonly clock: Clock;
  readonly open: OpenRequests;
  readonly versions: readonly VersionAtHand[];
  /** Why its state machine stands still; null: it runs. */
  readonly standstill: Error | null;
  versionsOf(key: MemberKey): readonly PluginVersion[] | null;
  submit(waiter: Waiter): void;
}

export function onRollOutRequest(
  node: RollOutTarget,
  request: RollOutRequest,
  client: ClientConnection,
  send: (answer: ClientReply) => void,
): void {
  const reply = firstAnswer(send);
  const { id, replaces, dryRun, timeoutMs } = request;
  const fail = (error: ReplyError): void => reply({ kind: "error", id, ...error });
  const obstacle =
    node.refusalOfChanges ?? (node.state.role.kind === "leader" ? null : notLeader(knownLeader(node.state)));
  if (obstacle !== null) return fail(obstacle);
  const decision = decideRollOut(request, viewOf(node));
  if (typeof decision === "string") return fail(rejected(decision));
  const { active, refusal } = decision;
  const plugin = codeOf(decision.plugin);
  const before = active?.plugin ?? null;
  if (dryRun) return reply({ kind: "rolledOut", id, index: null, plugin, before, refusal });
  if (refusal !== null) return fail(rejected(refusal));
  const objection = node.open.objection(client.name, 0);
  if (objection !== null) return fail({ code: "overloaded", message: objection, leader: null });
  node.submit({
    kind: "activate",
    plugin,
    replaces,
    payload: new Uint8Array(),
    from: client,
    open: node.open.open(client.name, 0),
    dueMs: node.clock.nowMs() + Math.min(timeoutMs, timeoutMsMax),
    succeed: (_, { index }) => reply({ kind: "rolledOut", id, index, plugin, before, refusal: null }),
    fail,
  });
}

const viewOf = (node: RollOutTarget): RollOutView => ({
  state: node.state,
  versions: node.versions,
  standstill: node.standstill,
  versionsOf: (key) => node.versionsOf(key),
});

const rejected = (message: string): ReplyError => ({ code: "rejected", message, leader: null });

/** What a decision is taken from. */
export interface RollOutView {
  readonly state: Pick<State, "log" | "self">;
  /** Of the leader. */
  readonly versions: readonly VersionAtHand[];
  /** Why the state machine of the leader stands still; null: it runs. */
  readonly standstill: Error | null;
  /** Those that a member has said to have; null: it has not been heard. */
  readonly versionsOf: (key: MemberKey) => readonly PluginVersion[] | null;
}

export interface Decision {
  readonly plugin: PluginVersion;
  /** What is active, or will be once the log is committed. */
  readonly active: PlacedActivation | null;
  /** Why not; null: it can be done, or is done. */
  readonly refusal: string | null;
}

/** A text: there is no such version. */
export function decideRollOut(
  { version, replaces }: Pick<RollOutRequest, "version" | "replaces">,
  view: RollOutView,
): Decision | string {
  const { log, self } = view.state;
  const plugin = view.versions.findLast((each) => version === null || each.version === version);
  if (plugin === undefined) {
    return `${nodeIdOf(self)}, which leads, has no version ${version}; it has ${view.versions.map(versionWords).join(" and ")}`;
  }
  const active = log.activations.at(-1) ?? null;
  if (active !== null && isSamePlugin(active.plugin, plugin)) return { plugin, active, refusal: null };
  const refusals = [
    lackingWords(plugin, view),
    numberWords(plugin, replaces, log.activations),
    ...(active === null ? [] : [handOverWords(plugin, active.plugin, view), unreachableWords(replaces, view)]),
  ];
  return { plugin, active, refusal: refusals.filter((each) => each !== null).join("; ") || null };
}

/** One number stands for one code, unless an administrator says that two codes do the same. Who has said so once need not say it again. */
function numberWords(plugin: PluginVersion, replaces: boolean, log: readonly PlacedActivation[]): string | null {
  const saidAt = log.findLastIndex((each) => each.replaces && isSamePlugin(each.plugin, plugin));
  const other = log.findLast(
    ({ plugin: each }, nth) => nth > saidAt && each.version === plugin.version && !isSamePlugin(each, plugin),
  );
  if (other === undefined && replaces) {
    return `--force is for other code of a version that has been active; ${versionWords(plugin)} is none, or stands for it already: leave it out`;
  }
  if (other === undefined || replaces) return null;
  return (
    `${versionWords(plugin)} calls itself as ${versionWords(other.plugin)} does, which has been active, and its code is another one: give it a ` +
    `version of its own, or say --force if both do the same with every command`
  );
}

/** Between two codes of one number no state is handed over: a node has one of them. */
function handOverWords(plugin: VersionAtHand, active: PluginVersion, { versions }: RollOutView): string | null {
  if (plugin.version === active.version) return null;
  if (!plugin.snapshots)
    return `${versionWords(plugin)} has no snapshot and restore, so it cannot take a state over: add both to it`;
  // One that the leader does not have, it has not begun to apply with.
  const { snapshots } = versions.find((each) => isSamePlugin(each, active)) ?? { snapshots: true };
  if (snapshots) return null;
  return (
    `${versionWords(active)} has no snapshot and restore, so it cannot hand its state over: add both to it first, ` +
    `and roll it out with --force`
  );
}

/** The entry would stand behind the one that the state machine cannot get past. What a version that is lacking needs, it says itself. */
function unreachableWords(replaces: boolean, { standstill }: RollOutView): string | null {
  if (standstill === null || replaces) return null;
  const words = `the state machine ${standstillWords(standstill)}; nothing that becomes active behind that is reached`;
  if (standstill instanceof VersionLacking) return words;
  return `${words}: correct the code that fails, keep its number, put it in the place of the old one on each node, and roll it out with --force`;
}

/** The voters of both halves, while the configuration is joint. */
function lackingWords(plugin: PluginVersion, { state, versionsOf }: RollOutView): string | null {
  const configuration = latestConfiguration(state.log);
  const voters = new Set(configuration === null ? [] : [...configuration.voters, ...configuration.outgoing]);
  let isOneSilent = false;
  const words = [...voters].flatMap((key) => {
    const has = key === state.self ? null : versionsOf(key);
    if (key === state.self || has?.some((each) => isSamePlugin(each, plugin)) === true) return [];
    const id = nodeIdOf(key);
    isOneSilent ||= has === null;
    return [has === null ? `${id} does not answer` : `${id} has ${has.map(versionWords).join(" and ")}`];
  });
  if (words.length === 0) return null;
  const remedies = [
    "put it beside the version that is active in [state_machine] of each node, and restart the node",
    ...(isOneSilent ? ["start those that do not answer"] : []),
  ];
  return `not every voter has ${versionWords(plugin)}: ${words.join(", ")}; ${remedies.join("; ")}`;
}
