// What has happened in a simulation? Counted, so that a simulator that has become tame is noticed.

export const newCoverage = () => ({
  steps: 0,
  preVotes: 0,
  elections: 0,
  leaders: 0,
  /** Leaders that stepped down because no quorum answered. */
  quorumsLost: 0,
  /** Nodes that noticed that they had slept. */
  wokeLate: 0,
  entries: 0,
  commits: 0,
  acknowledged: 0,
  refusedProposals: 0,
  /** Sessions opened, their commands acknowledged, and what became of other copies of them. */
  sessions: 0,
  sessionCommands: 0,
  answeredCopies: 0,
  forgottenCopies: 0,
  expiredCopies: 0,
  /** Commands of a client in the session of another one. */
  thefts: 0,
  heldProposals: 0,
  /** Linearizable reads that were answered, and that were refused; and what nodes have learned of how old their state is. */
  reads: 0,
  refusedReads: 0,
  freshness: 0,
  /** Answered by a node that did not lead. */
  followerReads: 0,
  truncations: 0,
  refusedAppends: 0,
  conflicts: 0,
  snapshotsTaken: 0,
  snapshotsFetched: 0,
  fetchesCut: 0,
  /** State machines replaced by a leader's snapshot. */
  snapshotsInstalled: 0,
  /** Acknowledgements that name less than the follower's log holds. */
  partialAcks: 0,
  /** AppendEntries that were cut at bytesMax. */
  cutMessages: 0,
  transfersDone: 0,
  transfersTimedOut: 0,
  crashes: 0,
  crashesWithLostWrites: 0,
  crashesBeforeGenesis: 0,
  /** Evidence of a crash that a node was given, and how much of it when the node was back already. */
  crashNotices: 0,
  lateCrashNotices: 0,
  /** Elections that a node stood for because of such evidence. */
  crashElections: 0,
  restarts: 0,
  /** Disks that lost something, how often that was noticed, and logs that were made whole again. */
  damages: 0,
  damagesNoticed: 0,
  refilled: 0,
  /** Logs with another history, and how often one was found out. */
  forgeries: 0,
  forgeriesNoticed: 0,
  wipes: 0,
  wipedHalted: 0,
  pauses: 0,
  partitions: 0,
  oneWayPartitions: 0,
  resets: 0,
  lies: 0,
  connected: 0,
  changes: 0,
  changesDone: 0,
  changesRefused: 0,
  changesConflicting: 0,
  /** Changes whose leader was deposed before they were complete. */
  changesUnknown: 0,
  jointConfigurations: 0,
  promotions: 0,
  /** Configurations that went with their entry. */
  rolledBack: 0,
  /** Nodes that have learned that they were removed. */
  removed: 0,
  broughtBack: 0,
  /** Leaders that led on without being voters, and gave up when that was committed. */
  abdications: 0,
  homecomings: 0,
  /** Times that a leader whose state machine has stopped gave leadership away. */
  handedBack: 0,
  /** Parts of messages that were long on their way. */
  parts: 0,
  dropped: 0,
  duplicated: 0,
  reordered: 0,
});

export type Coverage = ReturnType<typeof newCoverage>;

/** Adds what happened in one simulation to a sum over several. */
export function addCoverage(sum: Coverage, one: Coverage): void {
  for (const name of Object.keys(one) as (keyof Coverage)[]) sum[name] += one[name];
}
