// Which version of the state machine applies which entry? An entry of the log says from where on, so it is the same on every node
// and at every replay. The core gives it a place, and carries it over snapshots; what a version does is the state machine's business.
import type { LogIndex, LogPosition } from "./log-position.ts";

/** How long a plugin's name and its version may be, in UTF-16 units: both are in the log, and in messages. */
export const pluginWordLengthMax = 128;

/** How many versions of its plugin a node may have at hand: it tells all of them to its peers. */
export const versionsMax = 64;

/** For people. */
export const pluginWordRule = `1 to ${pluginWordLengthMax} printable characters`;

/** Control characters, separators of lines, and what turns the direction of writing. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** Whether a plugin may use this text as its name, or as its version. */
export const isPluginWord = (text: string): boolean =>
  text !== "" && text.length <= pluginWordLengthMax && text.isWellFormed() && !unprintable.test(text);

/** A version of a plugin: what it calls itself, and what its code is. */
export interface PluginVersion {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its code and of all that the code imports, 64 hexadecimal digits. */
  readonly hash: string;
}

export interface Activation {
  readonly plugin: PluginVersion;
  /** It also stands for earlier code of the same number, on nodes that do not have that. An administrator has said that both do the same. */
  readonly replaces: boolean;
  /** The earlier entry that the state machine is not given: it could not get past that. Absent: none. `plugin` is active already then. */
  readonly skips?: LogIndex;
}

/** The version that applies what comes after this position. */
export interface PlacedActivation extends Activation {
  readonly position: LogPosition;
}

/** Everything that an activation says. */
export const activationOf = ({ plugin, replaces, skips }: Activation): Activation =>
  skips === undefined ? { plugin, replaces } : { plugin, replaces, skips };

/** The entries that an activation skips, with the position of that activation, ascending by it. */
export const skipsIn = (
  activations: readonly PlacedActivation[],
): readonly { readonly entry: LogIndex; readonly at: LogPosition }[] =>
  activations.flatMap(({ skips, position }) => (skips === undefined ? [] : [{ entry: skips, at: position }]));

/** A version that a node has, with its abilities. */
export interface VersionAtHand extends PluginVersion {
  /** It can hand its state over, and take one over. */
  readonly snapshots: boolean;
}

/** The part of it that stands in the log and is sent to others. */
export const codeOf = ({ name, version, hash }: PluginVersion): PluginVersion => ({ name, version, hash });

/** Whether it is the same code. */
export const isSamePlugin = (one: PluginVersion, other: PluginVersion): boolean =>
  one.name === other.name && one.version === other.version && one.hash === other.hash;

/** For people: a version with the beginning of its hash, which tells one code from another. */
export const versionWords = ({ name, version, hash }: PluginVersion): string =>
  `${name} ${version} (${hash.slice(0, 12)})`;
