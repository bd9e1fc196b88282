// Where log lines go. Fields are data: an adapter escapes control characters and never prints payloads or keys.

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * An adapter MUST NOT block and MUST NOT throw: when its sink is slow or gone it drops lines and says later how many
 * (a log sink that blocks stops the node).
 */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** Whether a line of this level would be written: spares the building of costly fields. */
  enabled(level: LogLevel): boolean;
}
