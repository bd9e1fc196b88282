// What does a node's configuration say? The file becomes one frozen, typed value, or every problem in it at once.
// Which keys there are is node-keys.ts's, how they must fit together node-rules.ts's, the certificates credentials.ts's.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { GraftError } from "../errors.ts";
import type { MemberAddress } from "./founders.ts";
import { nodeKeys } from "./node-keys.ts";
import { ruleProblems } from "./node-rules.ts";
import { type Problem, problemsError } from "./problems.ts";
import { readKeys, type ValuesOf } from "./read-keys.ts";
import { parseDocument } from "./toml-document.ts";

/** A node's configuration: every value checked, defaults filled in, paths absolute unless said otherwise. */
export interface Config {
  /** The file it was read from. */
  readonly path: string;
  readonly node: {
    readonly id: string;
    readonly dataDir: string;
    /** `host:port`, as all addresses. */
    readonly listen: string;
    readonly advertise: string;
  };
  readonly cluster: {
    readonly id: string;
    /** Exactly one of the two: who founds the cluster, or where one is that this node waits to be added to. */
    readonly bootstrap: readonly MemberAddress[] | null;
    readonly join: readonly string[] | null;
  };
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly stateMachine: {
    /** A program and its arguments; null: there is a plugin. */
    readonly command: readonly string[] | null;
    /** Empty where there is a program. As written: for each version the name of a shipped one, or a path relative to `directory`. */
    readonly plugin: readonly string[];
    /** The folder of the configuration file. */
    readonly directory: string;
    readonly host: "worker" | "inline";
  };
  readonly access: { readonly admins: readonly string[] };
  readonly raft: {
    readonly electionTimeoutMs: number;
    readonly heartbeatIntervalMs: number;
    readonly snapshotEveryEntries: number;
    readonly snapshotEveryBytes: number;
    readonly compareEveryEntries: number;
  };
  readonly storage: {
    readonly minFreeBytes: number;
    readonly minFreePercent: number;
    readonly scrubIntervalMs: number;
  };
  readonly log: {
    readonly level: "trace" | "debug" | "info" | "warn" | "error";
    readonly format: "pretty" | "json";
  };
}

export type ReadResult = { readonly config: Config } | { readonly problems: readonly Problem[] };

/** Reads the file. Throws `GraftError("config")` whose message lists every problem with its line and remedy. */
export function loadConfig(path: string): Config {
  const absolute = resolve(path);
  const result = readConfig(readText(absolute), absolute);
  if ("problems" in result) throw problemsError(path, result.problems);
  return result.config;
}

/** `path` is where the text came from: relative paths in it start from there. Reads nothing, throws nothing. */
export function readConfig(text: string, path: string): ReadResult {
  const parsed = parseDocument(text);
  if ("problems" in parsed) return parsed;
  const { values, problems } = readKeys(parsed.document, nodeKeys);
  const all = [...problems, ...ruleProblems(values, parsed.document)];
  // Without a problem every key has its value.
  return all.length > 0 ? { problems: all } : { config: toConfig(values as ValuesOf<typeof nodeKeys>, resolve(path)) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new GraftError("config", `cannot read the configuration ${path} (${code}); name one with --config`, {
      cause,
    });
  }
}

function toConfig(values: ValuesOf<typeof nodeKeys>, path: string): Config {
  const directory = dirname(path);
  const fromFile = (relative: string): string => resolve(directory, relative);
  return deepFreeze({
    path,
    node: {
      id: values["node.id"],
      dataDir: fromFile(values["node.data_dir"]),
      listen: values["node.listen"],
      advertise: values["node.advertise"] ?? values["node.listen"],
    },
    cluster: { id: values["cluster.id"], bootstrap: values["cluster.bootstrap"], join: values["cluster.join"] },
    tls: {
      ca: fromFile(values["tls.ca"]),
      cert: fromFile(values["tls.cert"]),
      key: fromFile(values["tls.key"]),
    },
    stateMachine: {
      plugin: values["state_machine.plugin"] ?? [],
      command: values["state_machine.command"],
      directory,
      host: values["state_machine.host"],
    },
    access: { admins: values["access.admins"] },
    raft: {
      electionTimeoutMs: values["raft.election_timeout_ms"],
      heartbeatIntervalMs: values["raft.heartbeat_interval_ms"],
      snapshotEveryEntries: values["raft.snapshot_every_entries"],
      compareEveryEntries: values["raft.compare_every_entries"],
      snapshotEveryBytes: values["raft.snapshot_every_bytes"],
    },
    storage: {
      minFreeBytes: values["storage.min_free_bytes"],
      minFreePercent: values["storage.min_free_percent"],
      scrubIntervalMs: values["storage.scrub_interval_ms"],
    },
    log: { level: values["log.level"], format: values["log.format"] },
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}
