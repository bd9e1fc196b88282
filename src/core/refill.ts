// What is known of data that this node has lost?

/** The damaged files were set aside; the log that took their place began empty, with the term and the vote of before. */
export interface Refill {
  /** For people: what was found, and what was lost as far as that is known. */
  readonly finding: string;
  /** Of the cluster whose data was lost: no other genesis is adopted. Null: this node knew none. */
  readonly clusterUuid: string | null;
}
