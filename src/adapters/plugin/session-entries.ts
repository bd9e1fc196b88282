// What do entries come to that change only the table of the clients' sessions, or nothing at all? Neither a plugin nor a program sees them.
import type { SessionTable } from "../../core/sessions.ts";
import type { AppliedCloseSession, AppliedOpenSession, AppliedTick, Outcome } from "../../ports/state-machine.ts";
import { done, notOpened } from "./command-outcomes.ts";

export function applyToSessions(
  entry: AppliedOpenSession | AppliedCloseSession | AppliedTick,
  sessions: SessionTable,
): Outcome {
  switch (entry.kind) {
    case "openSession": {
      const full = sessions.open(entry.index, entry, entry.timeMs);
      return full === null ? done : notOpened(full, sessions.fullUntilMs(entry.client));
    }
    case "closeSession":
      return sessions.close(entry.session, entry.client, entry.timeMs) ?? done;
    case "tick":
      return done;
  }
}
