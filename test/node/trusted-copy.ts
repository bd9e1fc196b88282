// A copy of the state machine that nobody compares, for tests that are about something else.

/** Of `NodeSnapshots`. */
export const trustedCopy = {
  compareEvery: 1_024,
  origin: () => "a1",
  offered: () => [],
  contentRead: () => {},
  restoring: () => {},
  replaced: () => {},
};

/** Of `SnapshotTaker`. */
export const trustedState = { compareEvery: 1_024, mayTake: () => true, read: () => {} };

/** No run has to end anywhere. */
export const noPlace = (): number => Number.MAX_SAFE_INTEGER;
