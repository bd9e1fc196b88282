// How does a node's life end? What is said of a halt, and in which order its parts are closed. Who decides that it ends, and
// who is answered before, is node.ts.
import { type NodeId, nodeIdOf, type PlacedConfiguration } from "../core/configuration.ts";
import { describeEvent, describeHalt } from "../core/describe.ts";
import type { HaltReason } from "../core/effects.ts";
import type { Event } from "../core/events.ts";
import type { Millis } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Finding, LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { StateMachine } from "../ports/state-machine.ts";
import type { Transport } from "../ports/transport.ts";
import { inTime } from "./in-time.ts";

export type NodeEnd =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly error: Error }
  /** Its data is damaged, and marked so: a node that starts from it again sets it aside and is refilled. */
  | { readonly kind: "damaged"; readonly error: Error }
  /** It was beginning with a snapshot that is damaged, and a newer one has replaced that: its data is whole, and it may start again. */
  | { readonly kind: "outdated"; readonly error: Error };

/** How long what has been answered may take to leave, in ms. */
const closeGraceMs = 500;
/** How long each part may take to close, in ms: a plugin that hangs does not keep the process alive. */
const closeWaitMs = 2_000;

export const toError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

/** A snapshot was damaged that a newer one had replaced: nothing needs its file any more. */
export class OutdatedDamage extends GraftError {
  constructor(damage: Error) {
    super(
      "damaged",
      `${damage.message} A newer snapshot has replaced it, so no data is lost: this node starts again with that one.`,
      {
        cause: damage,
      },
    );
    this.name = "OutdatedDamage";
  }
}

/** What was read is not what was written. */
const isDamage = (error: Error): boolean => error instanceof GraftError && error.code === "damaged";

/** A halt that the core asked for, or a failure of the disk or a plugin: the node's own state is sound. */
export const isForeseen = (cause: HaltReason | Error): boolean =>
  !(cause instanceof Error) || cause instanceof GraftError;

interface Closable {
  readonly transport: Pick<Transport, "stop">;
  readonly stateMachine: Pick<StateMachine, "close">;
  readonly snapshots: Pick<SnapshotStore, "close">;
  readonly store: Pick<LogStore, "close">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Closes each of them, whatever becomes of the others. Resolves with the first thing that went wrong. */
export async function closeModules({
  transport,
  stateMachine,
  snapshots,
  store,
  clock,
  logger,
}: Closable): Promise<Error | null> {
  const parts = [
    { name: "transport", close: () => transport.stop(closeGraceMs) },
    { name: "state machine", close: () => stateMachine.close() },
    { name: "snapshots", close: () => snapshots.close() },
    { name: "store", close: async () => store.close() },
  ];
  let first: Error | null = null;
  for (const { name, close } of parts) {
    try {
      if (!(await inTime(close(), clock, closeWaitMs))) throw new Error(`not closed within ${closeWaitMs} ms: ${name}`);
    } catch (cause) {
      const error = toError(cause);
      logger.log("error", "closing failed", { reason: error.message });
      first ??= error;
    }
  }
  return first;
}

/** What has happened to it, and who may know more. */
export function removedWords(id: NodeId, { position, configuration }: PlacedConfiguration): string {
  const members = configuration.members.map((member) => `${nodeIdOf(member.key)} at ${member.address}`).join(", ");
  return `${id} has been removed from its cluster, by the configuration at index ${position.index}; the members then: ${members}`;
}

/** The data of a node that has been removed stays as it is; the node does not start from it again. */
export function removedError(id: NodeId, by: PlacedConfiguration): GraftError {
  return new GraftError(
    "config",
    `${removedWords(id, by)}. Its data is left as it is and takes no part any more. To come back, ${id} needs an empty data_dir ` +
      `and [cluster] join = [addresses of members] in the place of bootstrap; then say: graft cluster add ${id} ADDRESS`,
  );
}

/** Says what it means for the data, and what to do next. */
const haltError = (reason: HaltReason): GraftError =>
  new GraftError(codes[reason.kind], `${describeHalt(reason)}. ${remedyOf(reason)}`);

const codes = { wiped: "config", notListed: "config", lost: "damaged", diverged: "storage" } as const;

function remedyOf(reason: HaltReason): string {
  switch (reason.kind) {
    case "wiped":
      return (
        `It may hold none of the data and must not vote as the old ${reason.id}. If the old data directory still exists, ` +
        `point data_dir at it. If it is lost, write [cluster] join = [addresses of members] in the place of bootstrap, start ` +
        `${reason.id}, and say: graft cluster add ${reason.id} ADDRESS; it then takes the place of the old ${reason.id}`
      );
    case "notListed":
      return "Have it added to that cluster, or correct the bootstrap table and data_dir in its configuration file";
    case "lost":
      return "The other members still hold what was committed. This node sets its files aside and copies the log anew";
    case "diverged":
      return (
        "This node takes no part until an administrator has decided which history is right: graft log finding --config FILE, " +
        "on this node"
      );
  }
}

/** A rule of Raft did not hold in a step of the core: nothing that follows from it can be relied on. */
export class BrokenRule extends Error {
  constructor(event: Event, cause: unknown) {
    super(`a rule of Raft does not hold: ${toError(cause).message}; found at: ${describeEvent(event)}`, { cause });
    this.name = "BrokenRule";
  }
}

/** What a restart must not wipe away: an administrator has to see it. Null: the cause speaks for itself at each start. */
function findingOf(cause: HaltReason | Error, wallMs: Millis): Finding | null {
  // oxlint-disable-next-line no-restricted-globals -- a format of the time that is given; no clock is read
  const at = new Date(wallMs).toISOString();
  if (cause instanceof BrokenRule) return { kind: "invariant", text: cause.message, at };
  if (cause instanceof Error || cause.kind !== "diverged") return null;
  const { leader, at: position, chain, leaderChain } = cause;
  return { kind: "diverged", text: describeHalt(cause), at, leader, position, chain, leaderChain };
}

/**
 * Remembers, for the next start, why this node ends: what an administrator has to see, or that the data is damaged. When even
 * that cannot be written, the error that says so is the end.
 */
export function keepCause(
  cause: HaltReason | Error,
  { store, wallMs }: { readonly store: Pick<LogStore, "keepDamage" | "keepFinding">; readonly wallMs: Millis },
): Exclude<NodeEnd, { readonly kind: "stopped" }> {
  const error = cause instanceof Error ? cause : haltError(cause);
  try {
    const finding = findingOf(cause, wallMs);
    if (finding !== null) store.keepFinding(finding);
    if (error instanceof OutdatedDamage) return { kind: "outdated", error };
    if (!isDamage(error)) return { kind: "failed", error };
    store.keepDamage(error.message);
    return { kind: "damaged", error };
  } catch (failure) {
    return {
      kind: "failed",
      error: new AggregateError([error, failure], `${error.message}; ${toError(failure).message}`),
    };
  }
}
