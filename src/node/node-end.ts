// How does a node's life end? What is said of a halt, and in which order its parts are closed. Who decides that it ends, and
// who is answered before, is node.ts.
import { type NodeId, nodeIdOf } from "../core/configuration.ts";
import { describeHalt } from "../core/describe.ts";
import type { HaltReason } from "../core/effects.ts";
import type { PlacedConfiguration } from "../core/log-terms.ts";
import { GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { StateMachine } from "../ports/state-machine.ts";
import type { Transport } from "../ports/transport.ts";
import { inTime } from "./in-time.ts";

export type NodeEnd = { readonly kind: "stopped" } | { readonly kind: "failed"; readonly error: Error };

/** How long what has been answered may take to leave, in ms. */
const closeGraceMs = 500;
/** How long each part may take to close, in ms: a plugin that hangs does not keep the process alive. */
const closeWaitMs = 2_000;

export const toError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

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
export const haltError = (reason: HaltReason): GraftError =>
  new GraftError(codeOf(reason), `${describeHalt(reason)}. ${remedyOf(reason)}`);

const codeOf = ({ kind }: HaltReason): "config" | "storage" =>
  kind === "wiped" || kind === "notListed" ? "config" : "storage";

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
      return (
        "What was committed is still held by the other members. Nothing is deleted here. Keep this data directory for examination, " +
        "give the node an empty one, and let it join the cluster again"
      );
    case "diverged":
      return (
        "Nothing is deleted, and this node takes no part. Find out which history is right: graft log inspect reads a stopped " +
        "node's log. Then give the node that is wrong an empty data_dir, and let it join the cluster again"
      );
  }
}
