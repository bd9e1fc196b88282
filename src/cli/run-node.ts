// What does the process do when its node ends? A node that has found damage is composed again in the same process: it sets damaged
// data aside and is refilled, or begins with a newer snapshot. Whatever else ends a node ends the process.
import { Failure } from "./explain-error.ts";

type End =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly error: Error }
  | { readonly kind: "damaged" | "outdated"; readonly error: Error };

export interface RunnableNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly ended: Promise<End>;
}

export interface RunOptions {
  /** Makes the node from the data directory, whatever state that is in. */
  readonly compose: () => Promise<RunnableNode>;
  readonly isAskedToStop: Promise<unknown>;
  readonly nowMs: () => number;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** A disk that damages what it is given again and again is not worth more attempts. */
export const restartsPerHour = 3;
const hourMs = 3_600_000;

/** Resolves when the node has stopped as it was asked to. Throws `Failure` with the error that ended it otherwise. */
export async function runToItsEnd({ compose, isAskedToStop, nowMs, log }: RunOptions): Promise<void> {
  let restartsMs: readonly number[] = [];
  for (;;) {
    // A plugin may load for as long as it likes, or for ever; nothing is lost by leaving it.
    const node = await Promise.race([compose(), isAskedToStop.then(() => null)]);
    if (node === null) return log("info", "stopped while the plugin was loading");
    await node.start();
    void isAskedToStop.then(() => node.stop());
    const end = await node.ended;
    if (end.kind === "stopped") return;
    if (end.kind === "failed") throw new Failure(end.error, 1);
    restartsMs = restartsMs.filter((atMs) => atMs > nowMs() - hourMs);
    if (restartsMs.length >= restartsPerHour) throw new Failure(end.error, 1);
    restartsMs = [...restartsMs, nowMs()];
    const how = end.kind === "damaged" ? "without the damaged data" : "with the newer snapshot";
    log("warn", `starting again ${how}, restart ${restartsMs.length} of at most ${restartsPerHour} an hour`);
  }
}
