// How does a node leave without anyone noticing? A leader hands over first; then who waits is answered; only then are
// requests refused and the doors closed.
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { HandOver } from "./hand-overs.ts";
import { inTime } from "./in-time.ts";

export interface GracefulStop {
  readonly node: {
    readonly state: State;
    transfer(to: string | null): Promise<HandOver>;
    /** Resolves once every request that was taken has its answer. */
    quiet(): Promise<void>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** From now on new requests are refused, with a hint to the leader. */
  readonly refuseRequests: () => void;
}

/** A second attempt may find another target; more would only keep an operator waiting. */
const attemptsMax = 2;
/** How long answers are waited for, in ms. */
const answersWaitMs = 2_000;

export async function stopGracefully({ node, clock, logger, refuseRequests }: GracefulStop): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax && node.state.role.kind === "leader"; attempt++) {
    const outcome = await node.transfer(null);
    logger.log("info", "handing leadership over", { outcome: outcome.kind });
    if (outcome.kind === "noTarget") break;
  }
  refuseRequests();
  await inTime(node.quiet(), clock, answersWaitMs);
}
