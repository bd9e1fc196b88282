// Which version of the state machine does this node run from an activation on? The one that the entry names, if it is at hand. If it is
// not, a later activation of the same number may say that its code stands for earlier code. Otherwise this node applies nothing until it has it.
import { isSamePlugin, type PlacedActivation, type PluginVersion, versionWords } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import { CopyDistrusted } from "./own-copy.ts";

export type Running =
  | { readonly kind: "runs"; readonly plugin: PluginVersion }
  /** `why`: for people, with what to do. */
  | { readonly kind: "lacks"; readonly why: VersionLacking };

export interface AtHand {
  /** Of the log, ascending. */
  readonly activations: readonly PlacedActivation[];
  readonly commitIndex: LogIndex;
  readonly versions: readonly PluginVersion[];
}

/** The state machine waits: this node has not the version that is active. */
export class VersionLacking extends GraftError {}

/** @param index of a committed activation */
export function runningFrom(index: LogIndex, { activations, commitIndex, versions }: AtHand): Running {
  const place = activations.findIndex(({ position }) => position.index === index);
  const named = activations[place];
  if (named === undefined) throw new Error(`no activation stands at ${index}`);
  const standIns = activations.slice(place + 1).filter((each) => standsFor(each, named, commitIndex));
  for (const { plugin } of [named, ...standIns]) {
    if (versions.some((each) => isSamePlugin(each, plugin))) return { kind: "runs", plugin };
  }
  return { kind: "lacks", why: lack(named, versions) };
}

/** Under another number it would take the state over from that one, and so it must not do the work of that one elsewhere. */
const standsFor = (
  { plugin, replaces, position }: PlacedActivation,
  { plugin: named }: PlacedActivation,
  commitIndex: LogIndex,
): boolean =>
  replaces && position.index <= commitIndex && plugin.name === named.name && plugin.version === named.version;

function lack({ position, plugin }: PlacedActivation, versions: readonly PluginVersion[]): VersionLacking {
  const has = versions.map(versionWords).join(" and ");
  const isChanged = versions.some(({ name, version }) => name === plugin.name && version === plugin.version);
  const remedy = isChanged
    ? `its code has changed since: put the code of before back and restart the node, and roll what has changed out with a number of its own; or, ` +
      `where the old code fails, or both do the same with every command, say graft plugin roll-out ${plugin.version} --force`
    : `name that version too in [state_machine] plugin and restart the node`;
  const what = `${versionWords(plugin)} applies the entries behind ${position.index}, and this node has ${has}; ${remedy}`;
  return new VersionLacking("state-machine", what);
}

/** For people: what it does, after its name. */
export function standstillWords(why: Error): string {
  if (why instanceof VersionLacking) return `waits: ${why.message}`;
  return `${why instanceof CopyDistrusted ? "is not to be trusted" : "has stopped"}: ${why.message}`;
}
