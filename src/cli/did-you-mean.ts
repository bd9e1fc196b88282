// Which of the known words did somebody mean who typed another one? A beginning counts, and so does a slip of the fingers.
import { nearest } from "../config/suggestion.ts";

const beginningCharsMin = 2;

/** ` (did you mean graft cluster status?)`, or nothing when no word is near. */
export function didYouMean(word: string, known: readonly string[], prefix = ""): string {
  const begun = word.length >= beginningCharsMin ? known.filter((each) => each.startsWith(word)) : [];
  const found = begun.length === 1 ? begun[0] : nearest(word, known);
  return found === null || found === undefined ? "" : ` (did you mean ${prefix}${found}?)`;
}
