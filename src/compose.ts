// The only place that constructs adapters and wires them to a node or a client. Nothing here decides anything.
import { initCertificates, issueInto } from "./adapters/certs/folder.ts";
import { ConsolaLogger } from "./adapters/consola/logger.ts";
import { createInlineStateMachine } from "./adapters/plugin/inline-host.ts";
import { locateVersions } from "./adapters/plugin/loader.ts";
import { createProcessStateMachine } from "./adapters/process/process-host.ts";
import { renewable } from "./adapters/plugin/renewable.ts";
import { statesIn } from "./adapters/plugin/state-folders.ts";
import { createWorkerStateMachine } from "./adapters/plugin/worker-host.ts";
import { openFileSnapshotStore } from "./adapters/files/snapshot-store.ts";
import { openSqliteLogStore } from "./adapters/sqlite/log-store.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { diskSpaceOf } from "./adapters/system/disk-space.ts";
import { openFilesMax } from "./adapters/system/open-files.ts";
import { createTlsTransport } from "./adapters/tls/transport.ts";
import type { TlsMaterial } from "./adapters/tls/tls-words.ts";
import { type ClientOptions, GraftClient } from "./client/client.ts";
import { tlsDial } from "./client/dial.ts";
import { defaultSettings } from "./core/settings.ts";
import { failStop } from "./fail-stop.ts";
import type { SpacePolicy } from "./node/disk-watch.ts";
import { Node } from "./node/node.ts";
import type { LogStore } from "./ports/log-store.ts";
import type { Logger, LogLevel } from "./ports/logger.ts";
import type { RenewableStateMachine } from "./ports/state-machine.ts";
import { version } from "./version.ts";

/** What a node is made from; a checked configuration file has all of it. */
export interface NodeSettings {
  readonly node: {
    readonly id: string;
    readonly dataDir: string;
    /** `host:port` */
    readonly listen: string;
    readonly advertise: string;
  };
  readonly cluster: {
    readonly id: string;
    /** Who founds the cluster; null for a node that joins one. */
    readonly bootstrap: readonly { readonly id: string; readonly address: string }[] | null;
    readonly join: readonly string[] | null;
  };
  /** PEM texts. */
  readonly tls: TlsMaterial;
  readonly stateMachine: {
    /** A program and its arguments; null: there is a plugin. */
    readonly command: readonly string[] | null;
    /** Empty where there is a program. Its versions, each by the name of a shipped one or by a path; the last one founds a cluster. */
    readonly plugin: readonly string[];
    readonly host: "worker" | "inline";
    /** Where relative paths of plugins start. */
    readonly directory: string;
  };
  /** When the certificate, or its authority's, runs out. */
  readonly certificateEndsAt: Date;
  readonly access: { readonly admins: readonly string[] };
  readonly raft: {
    readonly electionTimeoutMs: number;
    readonly heartbeatIntervalMs: number;
    readonly snapshotEveryEntries: number;
    readonly snapshotEveryBytes: number;
    readonly compareEveryEntries: number;
  };
  readonly storage: SpacePolicy & { readonly scrubIntervalMs: number };
}

/**
 * A node that is ready to start. The plugin is loaded before the data directory is touched: a node whose state machine
 * does not load does not come into being. Throws `GraftError` of code `plugin`, `storage` or `config`.
 */
export async function composeNode(settings: NodeSettings, logger: Logger): Promise<Node> {
  const stateMachine = await composeStateMachine(settings.stateMachine, logger, statesIn(settings.node.dataDir));
  let store: LogStore | null = null;
  try {
    store = openSqliteLogStore({
      dataDir: settings.node.dataDir,
      randomBytes: (count) => systemClock.randomBytes(count),
      // As the message itself: a field may be cut.
      onDamage: (finding) => logger.log("error", `damaged data was set aside: ${finding}`),
    });
    const transport = createTlsTransport({
      self: {
        id: settings.node.id,
        incarnation: store.saved.incarnation,
        bootId: Buffer.from(systemClock.randomBytes(16)).toString("hex"),
        address: settings.node.advertise,
      },
      cluster: settings.cluster.id,
      listen: settings.node.listen,
      tls: settings.tls,
      admins: settings.access.admins,
      software: version,
      machine: stateMachine.description.name,
      openFilesMax: openFilesMax(),
      clock: systemClock,
      logger,
    });
    const { electionTimeoutMs, heartbeatIntervalMs, compareEveryEntries, snapshotEveryEntries, snapshotEveryBytes } =
      settings.raft;
    const options = {
      id: settings.node.id,
      cluster: settings.cluster.id,
      settings: { ...defaultSettings, electionTimeoutMs, heartbeatIntervalMs },
      compareEveryEntries,
      snapshotPolicy: { everyEntries: snapshotEveryEntries, everyBytes: snapshotEveryBytes },
      space: settings.storage,
      scrubIntervalMs: settings.storage.scrubIntervalMs,
      address: settings.node.advertise,
      bootstrap: settings.cluster.bootstrap,
      join: settings.cluster.join,
      certificateEnds: { atMs: settings.certificateEndsAt.getTime(), date: settings.certificateEndsAt.toISOString() },
      version,
    };
    const snapshots = openFileSnapshotStore(settings.node.dataDir);
    const disk = diskSpaceOf(settings.node.dataDir);
    return new Node(options, { store, snapshots, disk, transport, stateMachine, clock: systemClock, logger, failStop });
  } catch (error) {
    store?.close();
    await stateMachine.close();
    throw error;
  }
}

/**
 * Loads the versions of the plugin, or starts the program. What it writes to its console goes to the log; without one, nowhere.
 * @param stateFolder where a durable one keeps its state; null: in a temporary folder. It is left alone until a node has opened its data.
 */
export function composeStateMachine(
  { plugin, command, host, directory }: NodeSettings["stateMachine"],
  logger: Logger | null,
  stateFolder: string | null,
): Promise<RenewableStateMachine> {
  if (command !== null) {
    const program = command.join(" ");
    const say = (level: LogLevel, text: string): void => logger?.log(level, "the program says", { program, text });
    return renewable(() => createProcessStateMachine({ command, directory }, say));
  }
  const locations = locateVersions(plugin, directory);
  const named = plugin.join(", ");
  const say = (level: LogLevel, text: string): void => logger?.log(level, "the plugin says", { plugin: named, text });
  const create = host === "inline" ? createInlineStateMachine : createWorkerStateMachine;
  return renewable(() => create(locations, say, stateFolder));
}

/** What a client is made from. */
export interface ClientSettings {
  readonly cluster: string;
  /** Tells clusters of one name apart; without it the first one that is reached counts. */
  readonly clusterUuid?: string | undefined;
  /** The name in the client's certificate. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly tls: TlsMaterial;
  readonly timeoutMs?: number;
}

/** A client that connects when it is first used. */
export function composeClient(settings: ClientSettings, options: Pick<ClientOptions, "readFrom"> = {}): GraftClient {
  const { cluster, clusterUuid, name, addresses, tls, timeoutMs } = settings;
  const dial = tlsDial({ cluster, name, tls, software: version });
  const given = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(clusterUuid === undefined ? {} : { clusterUuid }),
  };
  return new GraftClient({ addresses, dial, clock: systemClock, ...options, ...given });
}

/** A logger to standard error; to be flushed before the process exits. */
export function composeLogger(options: {
  readonly level: LogLevel;
  readonly format: "pretty" | "json";
}): Pick<ConsolaLogger, keyof Logger | "flush" | "logLast"> {
  return new ConsolaLogger(options);
}

/** Authorities and certificates in a folder, as src/adapters/certs/folder.ts describes them. */
export const certificates = { init: initCertificates, issue: issueInto } as const;
