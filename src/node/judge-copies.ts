// Which copies of the state machine are wrong? The words that copies have said at the same index are compared. The word of a strict
// majority of the voters is right. Pure: who hears the words, and what follows, is copies.ts. Why: docs/decisions/copies-are-compared.md.
import type { Configuration, MemberKey } from "../core/configuration.ts";
import type { CopyWord, Place } from "../core/copy-word.ts";
import type { LogIndex } from "../core/log-position.ts";
import { isQuorum } from "../core/quorum.ts";

/** What a member has said of its copy. */
export interface Voice {
  /** Its content came from another node and has not been compared since: it is no witness. */
  readonly isGiven: boolean;
  /** It comes from a state that was found wrong, and was not compared since: it puts no other copy in doubt. */
  readonly isUnproven: boolean;
  /** The copy has been found wrong already. */
  readonly isWrong: boolean;
  /** It is in doubt since it differed from another copy here; null: it is not. */
  readonly doubt: Place | null;
  readonly words: readonly CopyWord[];
}

/** The copies are alike through `after`, as far as that has been compared, and differ at `through`. Equal outcomes do not mean equal contents. */
export interface Difference {
  readonly of: CopyWord["of"];
  readonly after: LogIndex;
  readonly through: LogIndex;
}

export interface Judgement {
  /** Copies that differ from what a strict majority of the voters has said. */
  readonly wrong: ReadonlyMap<MemberKey, Difference>;
  /** The first place at which voters differ and no majority is right. */
  readonly open: Difference | null;
  /** Whether nothing more is to be waited for there. */
  readonly isDoubt: boolean;
  /** A strict majority of the voters has said the same through here; 0: nothing has been compared. */
  readonly agreesThrough: LogIndex;
  /** Copies that came from another node, and whose content has been found equal since. */
  readonly confirmed: ReadonlySet<MemberKey>;
  /** Copies whose word is right at or after the place where they were in doubt. */
  readonly cleared: ReadonlySet<MemberKey>;
}

export interface Judged {
  readonly configuration: Configuration;
  /** Of the members that have said anything. */
  readonly voices: ReadonlyMap<MemberKey, Voice>;
  /** Whether voters that are silent have been waited for long enough. */
  readonly isWaitOver: boolean;
}

interface Said extends Place {
  /** The word of each member there. */
  readonly values: ReadonlyMap<MemberKey, number>;
}

/** Equal outcomes say nothing of contents that differed. What is equal here was so before as well. */
const clears = (place: Place, doubt: Place | null): boolean =>
  doubt !== null && place.index >= doubt.index && (place.of === "content" || doubt.of === "outcomes");

export function judgeCopies({ configuration, voices, isWaitOver }: Judged): Judgement {
  const { members, voters, outgoing } = configuration;
  const known = new Map(members.flatMap(({ key }) => (voices.has(key) ? [[key, voices.get(key)!] as const] : [])));
  const all = [...new Set([...voters, ...outgoing])];
  const places = placesOf(known);
  const wrong = new Map<MemberKey, Difference>();
  const confirmed = new Set<MemberKey>();
  const cleared = new Set<MemberKey>();
  const isOut = (key: MemberKey): boolean => wrong.has(key) || known.get(key)?.isWrong === true;
  const isWitness = (key: MemberKey): boolean => !isOut(key) && known.get(key)?.isGiven !== true;
  const hasNoSay = (key: MemberKey): boolean => isOut(key) || known.get(key)?.isUnproven === true;
  const settled: Place[] = [];
  const unsettled: Said[] = [];
  for (const place of places) {
    const { of, values } = place;
    const right = rightAt(place, configuration, all.filter(isWitness));
    if (right === null) unsettled.push(place);
    else settled.push(place);
    for (const [key, value] of values) {
      if (isOut(key) || right === null) continue;
      if (value !== right) wrong.set(key, rangeOf(key, place, right, places));
      else if (clears(place, known.get(key)!.doubt)) cleared.add(key);
    }
    if (of !== "content") continue;
    for (const key of equalTo(place, right ?? agreedWith(place, all, isWitness, isOut))) confirmed.add(key);
  }
  const open = unsettled.find((place) => differs(place, all, hasNoSay)) ?? null;
  const agreed = settled.filter(({ index }) => open === null || index < open.index);
  const hasSaid = (key: MemberKey): boolean => hasNoSay(key) || (open !== null && isBeyond(known.get(key), open));
  for (const key of wrong.keys()) {
    confirmed.delete(key);
    cleared.delete(key);
  }
  return {
    wrong,
    open: open && { of: open.of, after: lastAlike(open, agreed), through: open.index },
    isDoubt: open !== null && (all.every(hasSaid) || isWaitOver),
    agreesThrough: agreed.at(-1)?.index ?? 0,
    confirmed,
    cleared,
  };
}

/** Ascending; at one index the outcomes come first. */
function placesOf(voices: ReadonlyMap<MemberKey, Voice>): readonly Said[] {
  const places = new Map<string, Place & { readonly values: Map<MemberKey, number> }>();
  for (const [key, { words }] of voices) {
    for (const { index, of, value } of words) {
      const name = `${of} ${index}`;
      const place = places.get(name) ?? { index, of, values: new Map() };
      places.set(name, place);
      place.values.set(key, value);
    }
  }
  return [...places.values()].sort((a, b) => a.index - b.index || (a.of === b.of ? 0 : a.of === "outcomes" ? -1 : 1));
}

/** What a strict majority of the voters has said, of which each is a witness; null: none has said the same. */
function rightAt({ values }: Said, configuration: Configuration, witnesses: readonly MemberKey[]): number | null {
  for (const value of new Set(witnesses.flatMap((key) => values.get(key) ?? []))) {
    const group = witnesses.filter((key) => values.get(key) === value);
    if (isQuorum(configuration, group)) return value;
  }
  return null;
}

/** What confirms a given copy though no majority of all voters has said it: a majority of the witnesses has, two at least, or every voter. */
function agreedWith(
  { values }: Said,
  voters: readonly MemberKey[],
  isWitness: (key: MemberKey) => boolean,
  isOut: (key: MemberKey) => boolean,
): number | null {
  // A voter that has said nothing may be a witness: it counts as one.
  const witnesses = voters.filter(isWitness);
  const sound = voters.filter((key) => !isOut(key));
  for (const value of new Set(values.values())) {
    const says = (key: MemberKey): boolean => values.get(key) === value;
    const agreeing = witnesses.filter(says).length;
    // A single witness may be wrong, and the given copy its own.
    if (agreeing >= 2 && 2 * agreeing > witnesses.length) return value;
    if (sound.length > 0 && sound.every(says)) return value;
  }
  return null;
}

const equalTo = ({ values }: Said, right: number | null): readonly MemberKey[] =>
  right === null ? [] : [...values].flatMap(([key, value]) => (value === right ? [key] : []));

function differs({ values }: Said, voters: readonly MemberKey[], hasNoSay: (key: MemberKey) => boolean): boolean {
  const said = voters.flatMap((key) => (hasNoSay(key) ? [] : (values.get(key) ?? [])));
  return new Set(said).size > 1;
}

/** It has said something there, or later on: then it never will, as its state began behind that place, or the word is forgotten. */
const isBeyond = (voice: Voice | undefined, place: Place): boolean =>
  voice?.words.some(({ of, index }) => of === place.of && index >= place.index) === true;

/** Where the copy first said something else than those that are right at `place`. */
function rangeOf(key: MemberKey, place: Said, right: number, places: readonly Said[]): Difference {
  const judges = equalTo(place, right);
  const alike: Place[] = [];
  for (const each of places) {
    if (each === place) break;
    const value = each.values.get(key);
    const theirs = judges.flatMap((judge) => each.values.get(judge) ?? []);
    if (value === undefined || theirs.length === 0) continue;
    if (!theirs.includes(value)) return { of: each.of, after: lastAlike(each, alike), through: each.index };
    alike.push(each);
  }
  return { of: place.of, after: lastAlike(place, alike), through: place.index };
}

/** Where copies that differ at this place were alike for the last time. */
const lastAlike = ({ of }: Place, alike: readonly Place[]): LogIndex =>
  alike.findLast((place) => of === "outcomes" || place.of === "content")?.index ?? 0;
