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
  readonly certificateEnds: CertificateEnds | null;
  readonly wallMs: Millis;
}

export function withProblems(
  facts: Omit<OwnCondition, "problems" | "isCertificateExpired">,
  { failure, certificateEnds, wallMs }: Ailments,
): OwnCondition {
  const expired = certificateEnds !== null && wallMs >= certificateEnds.atMs ? certificateEnds : null;
  const problems = [
    ...(failure === null ? [] : [`its state machine has stopped: ${failure.message}`]),
    ...(expired === null ? [] : [expiredWords(expired)]),
  ];
  return { ...facts, isCertificateExpired: expired !== null, problems };
}

const expiredWords = ({ date }: CertificateEnds): string =>
  `its certificate expired at ${date}: connections that are open stay open, new ones fail; issue a new one with ` +
  "graft certs issue --force and restart the node";
