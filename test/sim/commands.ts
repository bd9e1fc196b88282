// What do clients learn, and is it true? Each command is proposed once and carries a number. One that was refused may
// never show up in a log; one that was acknowledged may never be missing from then on.
import type { Entry } from "../../src/core/entry.ts";
import type { Proposal, ProposalRef } from "../../src/core/events.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import type { Chance } from "../../src/sim/chance.ts";
import { isOfClient } from "./clients.ts";
import type { Coverage } from "./coverage.ts";
import { Violation } from "../../src/sim/violation.ts";

/** The number that a command's payload begins with. */
function numberOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

export class Commands {
  readonly #coverage: Coverage;
  #issued = 0;
  readonly #placed = new Map<number, LogPosition>();
  readonly #refused = new Set<number>();
  readonly #acknowledged = new Map<number, LogPosition>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  get acknowledged(): ReadonlyMap<number, LogPosition> {
    return this.#acknowledged;
  }

  /** A command that nobody has proposed before; its number is its ref. */
  issue(chance: Chance, payloadBytesMax: number): Proposal {
    const ref = ++this.#issued;
    const payload = new Uint8Array(Math.max(4, chance.below(payloadBytesMax + 1)));
    new DataView(payload.buffer).setUint32(0, ref);
    return { kind: "command", ref, payload, session: null };
  }

  /** A leader has made a new entry. */
  onCreated(entry: Entry): void {
    if (entry.kind !== "command" || entry.session !== null) return;
    const number = numberOf(entry.payload);
    const earlier = this.#placed.get(number);
    if (earlier !== undefined) {
      throw new Violation("a command has one place", `${number} stands at ${earlier.index} and at ${entry.index}`);
    }
    if (this.#refused.has(number)) throw new Violation("refused is refused", `${number} was refused and is in a log`);
    this.#placed.set(number, { index: entry.index, term: entry.term });
  }

  onRefused(refs: readonly ProposalRef[]): void {
    this.#coverage.refusedProposals += refs.length;
    for (const ref of refs) {
      if (isOfClient(ref)) continue;
      if (this.#placed.has(ref)) throw new Violation("refused is refused", `${ref} is in a log and was refused`);
      this.#refused.add(ref);
    }
  }

  /** The leader says where the proposals stand; `log` is its own. */
  onAccepted(refs: readonly ProposalRef[], first: LogPosition, log: readonly Entry[]): void {
    refs.forEach((ref, at) => {
      if (isOfClient(ref)) return;
      const entry = log[first.index + at - 1];
      if (entry?.kind !== "command" || numberOf(entry.payload) !== ref || entry.term !== first.term) {
        throw new Violation("a command stands where its leader says", `${ref} is not at ${first.index + at}`);
      }
    });
  }

  /** The node that took the command has applied it, at the place and in the term it named: its client is told. */
  acknowledge(ref: ProposalRef, position: LogPosition): void {
    this.#coverage.acknowledged++;
    this.#acknowledged.set(ref, position);
  }

  /** Every command that was acknowledged stands in `log` where it was. */
  checkKept(log: readonly Entry[]): void {
    for (const [number, position] of this.#acknowledged) {
      const entry = log[position.index - 1];
      if (entry?.kind !== "command" || numberOf(entry.payload) !== number || entry.term !== position.term) {
        throw new Violation("what was acknowledged is kept", `${number} is no longer at ${position.index}`);
      }
    }
  }
}
