// Where log lines go. Fields are data: an adapter escapes control characters and never prints payloads or keys.

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * An adapter MUST NOT block and MUST NOT throw: when its sink is slow or gone it drops lines and says later how many
 * (a log sink that blocks stops the node).
 */
export interface Logger {
  /**
   * A line that another node or a client can provoke names its `cause`: an adapter for people MUST write the first line of a cause
   * and then only count, so that no stranger fills the log.
   * A cause holds nothing that the other side chooses: ids and names of certificates, and codes, but no incarnation and no text.
   */
  log(level: LogLevel, message: string, fields?: LogFields, cause?: string): void;
  /** Whether a line of this level would be written: spares the building of costly fields. */
  enabled(level: LogLevel): boolean;
}
