// How many sessions are there room for, and how much may be kept for them? The rules are in sessions.ts.

/** What the table holds at most. The same on every node, or their states would part. */
export interface SessionLimits {
  readonly sessionsMax: number;
  /** How many of these only administrators may open. */
  readonly adminSessions: number;
  /** Of one client. */
  readonly clientSessionsMax: number;
  /** Commands of a session under way at once: from the lowest one without an answer on. */
  readonly windowMax: number;
  /**
   * Bytes of outcomes kept for one session, for one client, for all sessions that administrators opened, and for all others. The
   * outcome that exceeds it is still kept. Of the last two, a client has no more than it leaves to the others.
   */
  readonly sessionBytesMax: number;
  readonly clientBytesMax: number;
  readonly adminBytesMax: number;
  readonly bytesMax: number;
}

export const sessionLimits: SessionLimits = Object.freeze({
  sessionsMax: 65_536,
  adminSessions: 1024,
  clientSessionsMax: 1024,
  windowMax: 1024,
  sessionBytesMax: 16 * 1024 * 1024,
  clientBytesMax: 64 * 1024 * 1024,
  adminBytesMax: 64 * 1024 * 1024,
  bytesMax: 192 * 1024 * 1024,
});
