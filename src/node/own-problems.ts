// What ails this node, in words for people? Each sentence says what it means, and what to do.
import type { Millis } from "../core/log-position.ts";
import type { OwnCondition } from "./fitness.ts";

/** When the node's certificate runs out. */
export interface CertificateEnds {
  /** ms since 1970. */
  readonly atMs: Millis;
  /** For people. */
  readonly date: string;
}

export interface Ailments {
  /** Why the state machine stands still; null: it runs. */
  readonly failure: Error | null;
  /** For people: what the state machine has been busy with for too long; null: nothing. */
  readonly endlessWork: string | null;
  readonly certificateEnds: CertificateEnds | null;
  readonly wallMs: Millis;
  /** How much of the disk must be free for commands to be taken. */
  readonly bytesKeptFree: number;
}

export function withProblems(
  facts: Omit<OwnCondition, "problems" | "isCertificateExpired">,
  { failure, endlessWork, certificateEnds, wallMs, bytesKeptFree }: Ailments,
): OwnCondition {
  const expired = certificateEnds !== null && wallMs >= certificateEnds.atMs ? certificateEnds : null;
  const problems = [
    ...(failure === null ? [] : [`its state machine has stopped: ${failure.message}`]),
    ...(endlessWork === null ? [] : [endlessWork]),
    ...(expired === null ? [] : [expiredWords(expired)]),
    ...(facts.space === "low" ? [lowWords(bytesKeptFree)] : []),
  ];
  return { ...facts, isCertificateExpired: expired !== null, problems };
}

const lowWords = (bytesKeptFree: number): string =>
  `its disk is nearly full: less than ${Math.ceil(bytesKeptFree / 2 ** 20)} MiB are free; it takes no commands while it leads; ` +
  "free space on that disk, or lower min_free_bytes and min_free_percent in [storage]";

const expiredWords = ({ date }: CertificateEnds): string =>
  `its certificate expired at ${date}: connections that are open stay open, new ones fail; issue a new one with ` +
  "graft certs issue --force and restart the node";
