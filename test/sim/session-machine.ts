// The state machine of one simulated node, as far as sessions go: a table from core/sessions.ts, and commands whose outcome says
// at which entry they took effect. It lives as long as the node's process; what a snapshot holds of it is `table.image()`.
import type { CommandEntry, Entry } from "../../src/core/entry.ts";
import type { LogIndex } from "../../src/core/log-position.ts";
import type { SessionTable } from "../../src/core/sessions.ts";
import type { Clients } from "./clients.ts";

/** What the client of an entry is told. */
export type MachineAnswer =
  | { readonly kind: "opened"; readonly session: LogIndex }
  | { readonly kind: "full" | "closed" | "expired" | "forgotten" | "foreign" }
  /** Of a command: at which entry it took effect, and whether this is another copy of it. */
  | { readonly kind: "applied"; readonly index: LogIndex; readonly isRefusal: boolean; readonly isCopy: boolean };

export class SessionMachine {
  readonly table: SessionTable;
  readonly #clients: Clients;

  constructor(table: SessionTable, clients: Clients) {
    this.table = table;
    this.#clients = clients;
  }

  /** Null: the entry is none of a session's. */
  apply(entry: Entry): MachineAnswer | null {
    const answer = this.#apply(entry);
    if (answer !== null) this.#clients.onAnswer(entry, answer);
    return answer;
  }

  #apply(entry: Entry): MachineAnswer | null {
    switch (entry.kind) {
      case "openSession": {
        const refusal = this.table.open(entry.index, entry, entry.stampMs);
        return refusal === null ? { kind: "opened", session: entry.index } : { kind: "full" };
      }
      case "closeSession":
        return { kind: this.table.close(entry.session, entry.client, entry.stampMs) === null ? "closed" : "expired" };
      case "command":
        return this.#command(entry);
      case "noop":
      case "configuration":
        return null;
    }
  }

  /** Every fifth command is refused by the state machine: an outcome like any other, kept as its words. */
  #command({ index, stampMs, payload, session: stamp }: CommandEntry): MachineAnswer | null {
    if (stamp === null) return null;
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    const stamped = { stamp, digest: number };
    const kept = this.table.answerTo(stamped, stampMs);
    if (kept?.kind === "expired" || kept?.kind === "forgotten") return kept;
    if (kept?.kind === "rejected" && kept.message.endsWith("belongs to another client")) return { kind: "foreign" };
    if (kept !== null) {
      const at = kept.kind === "ok" ? new DataView(kept.payload.buffer).getFloat64(0) : Number(kept.message);
      return { kind: "applied", index: at, isRefusal: kept.kind === "rejected", isCopy: true };
    }
    this.#clients.onEffect(number, index);
    const isRefusal = number % 5 === 0;
    const outcome = new Uint8Array(8);
    new DataView(outcome.buffer).setFloat64(0, index);
    this.table.keep(stamped, isRefusal ? { kind: "rejected", message: `${index}` } : { kind: "ok", payload: outcome });
    return { kind: "applied", index, isRefusal, isCopy: false };
  }
}
