// Has a node gone? It has when its host refuses connections at its address. An address that cannot be reached says nothing.
import { knockAt } from "../adapters/tls/listening.ts";
import type { Clock } from "../ports/clock.ts";
import { pause } from "./pause.ts";

const pollMs = 50;

/** Resolves with null once nothing listens at `address` any more, and after `timeoutMs` with the reason why that is not known. */
export async function waitUntilGone(
  address: string,
  timeoutMs: number,
  clock: Clock,
  knock = knockAt,
): Promise<string | null> {
  const dueMs = clock.nowMs() + timeoutMs;
  for (;;) {
    const failure = await knock(address);
    if (failure?.kind === "vacant") return null;
    if (clock.nowMs() >= dueMs) return failure?.reason ?? "it still takes connections";
    await pause(clock, pollMs);
  }
}
