// May the state machine go on with the state that it has kept on disk? Only if that is a state of this node's log, not older than the snapshot that
// the log begins with. The snapshot and the log are the truth: without the state they give it back.
import { isSamePlugin, versionWords } from "../core/activation.ts";
import type { Incarnation } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import { activationAt, termAt } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { HeldState, StateMachine } from "../ports/state-machine.ts";
import { runningFrom } from "./active-version.ts";
import { unprovenOrigin } from "./own-copy.ts";

/** What the state is compared with. */
export interface Holder {
  readonly incarnation: Incarnation;
  readonly state: Pick<State, "log" | "commitIndex" | "snapshot">;
  readonly versions: StateMachine["versions"];
}

/**
 * For people: why not, as the end of a sentence; null: it may. An entry that was applied was committed, so it is in the log for good, even if this node
 * has yet to hear again that it is committed.
 */
export function whyNotHeld({ reached, plugin, owner, origin }: HeldState, holder: Holder): string | null {
  const { incarnation, state, versions } = holder;
  const { log, snapshot, commitIndex } = state;
  const { index, term } = reached;
  if (owner !== incarnation) return "another incarnation of this node has written it";
  if (origin === unprovenOrigin) return "it was found wrong";
  if (snapshot !== null && index < snapshot.position.index)
    return `it ends at ${index}, and the snapshot at ${snapshot.position.index}`;
  // The one or the other was found wrong, and replaced or marked, and a crash came before both were.
  if (snapshot !== null && snapshot.origin !== origin) return "the snapshot is that of another copy";
  if (index > log.last.index) return `it ends at ${index}, and the log at ${log.last.index}`;
  const termHere = termAt(log, index);
  if (termHere !== term) return `it ends at ${index} in term ${term}, where the log has term ${String(termHere)}`;
  const skipped = skippedIn(holder.state, index);
  if (skipped !== undefined) return `it has entry ${skipped} in it, which an administrator has skipped`;
  const activation = activationAt(log, index);
  if (activation === null) return null;
  const { position } = activation;
  const { activations } = log;
  const running = runningFrom(position.index, { activations, commitIndex: Math.max(commitIndex, index), versions });
  if (running.kind === "runs" && isSamePlugin(running.plugin, plugin)) return null;
  return `${versionWords(plugin)} has written it, and ${versionWords(activation.plugin)} is active there`;
}

/** An entry that a state which ends here has in it, and that a later entry skips. What the snapshot has in it stays there. */
function skippedIn({ log, snapshot }: Holder["state"], end: LogIndex): LogIndex | undefined {
  const kept = snapshot?.position.index ?? 0;
  const later = log.activations.filter(({ position }) => position.index > end);
  return later.map(({ skips }) => skips).find((entry) => entry !== undefined && entry > kept && entry <= end);
}
