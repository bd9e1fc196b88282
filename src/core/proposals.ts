// What happens to a client's command when it arrives? A leader gives it a place in the log; anyone else refuses it.
import { type Activation, activationOf } from "./activation.ts";
import { advanceCommit } from "./commit.ts";
import type { Entry } from "./entry.ts";
import type { Proposal } from "./events.ts";
import type { LogIndex, LogPosition, Term } from "./log-position.ts";
import { replicateToAll } from "./replication.ts";
import { nextStampMs } from "./replicated-time.ts";
import type { Emit, State } from "./state.ts";
import { appendForMachine } from "./ticks.ts";

/** Proposals that have arrived together become one append, and one message to each follower (§10.2.2). */
export function onPropose(state: State, proposals: readonly Proposal[], emit: Emit): State {
  if (proposals.length === 0) return state;
  const { role } = state;
  if (role.kind !== "leader") {
    const leader = role.kind === "follower" ? role.leader : null;
    emit({ kind: "proposalsRefused", refs: proposals.map((proposal) => proposal.ref), leader });
    return state;
  }
  if (role.transfer !== null) {
    const held = [...role.transfer.held, ...proposals];
    return { ...state, role: { ...role, transfer: { ...role.transfer, held } } };
  }
  const stampMs = nextStampMs(state, role);
  const first = { index: state.log.last.index + 1, term: state.currentTerm };
  const entries = entriesOf(proposals, first, stampMs, state.log.activations.at(-1));
  const next = appendForMachine(state, role, entries, emit);
  emit({ kind: "proposalsAccepted", refs: proposals.map((proposal) => proposal.ref), first });
  // Alone in the cluster, or with a store that has nothing to wait for, there may be nothing more to hear.
  return advanceCommit(replicateToAll(next, emit), emit);
}

/** @param active the version that is active before them */
function entriesOf(
  proposals: readonly Proposal[],
  first: LogPosition,
  stampMs: number,
  active: Activation | undefined,
): readonly Entry[] {
  let latest = active;
  return proposals.map((proposal, at) => {
    const entry = entryOf(proposal, first.index + at, first.term, stampMs);
    if (entry.kind !== "activate") return entry;
    // What skips an entry changes no version, also where another one has been activated since it was asked for.
    const { plugin, replaces } = entry.skips === undefined ? entry : (latest ?? entry);
    latest = { ...entry, plugin, replaces };
    return { ...entry, plugin, replaces };
  });
}

function entryOf(proposal: Proposal, index: LogIndex, term: Term, stampMs: number): Entry {
  switch (proposal.kind) {
    case "command":
      return { kind: "command", index, term, stampMs, payload: proposal.payload, session: proposal.session };
    case "openSession": {
      const { client, isAdmin, timeoutMs } = proposal;
      return { kind: "openSession", index, term, stampMs, client, isAdmin, timeoutMs };
    }
    case "closeSession":
      return { kind: "closeSession", index, term, stampMs, client: proposal.client, session: proposal.session };
    case "activate": {
      return { kind: "activate", index, term, stampMs, ...activationOf(proposal) };
    }
  }
}
