// What is wrong with a snapshot's file: thrown where the bytes are taken apart, and made an outcome or an operator's message
// by those who know which file it is.

/** In words, without the file's name. */
export class SnapshotDamage extends Error {
  override readonly name = "SnapshotDamage";
}
