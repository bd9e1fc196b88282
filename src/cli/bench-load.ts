// With which load does a bench measure, and how is its result told? The same for puts and for gets.
import type { Load, LoadResult } from "../client/load.ts";
import type { Paint } from "./output.ts";
import { parseCount, parseDurationMs } from "./typed-numbers.ts";

export const loadFlags = {
  clients: { type: "string", valueHint: "N", description: "how many clients at the same time; default: 64" },
  bytes: { type: "string", valueHint: "B", description: "size of each value; default: 256" },
  seconds: { type: "string", valueHint: "S", description: "how many seconds to measure; default: 6" },
  warmup: {
    type: "string",
    valueHint: "S",
    description: "how many seconds of load before the measurement; default: 4",
  },
} as const;

const limits = {
  clients: { min: 1, max: 100_000 },
  bytes: { min: 0, max: 4 * 1024 * 1024 },
  warmUp: { min: 0, max: 3600 },
};

/** Throws `GraftError("usage")`. */
export function loadOf({
  clients,
  bytes,
  seconds,
  warmup,
}: { readonly [Flag in keyof typeof loadFlags]?: string | undefined }): Load {
  return {
    clients: parseCount("--clients", clients ?? "64", limits.clients),
    bytes: parseCount("--bytes", bytes ?? "256", limits.bytes),
    seconds: parseDurationMs("--seconds", `${seconds ?? "6"}s`) / 1000,
    warmUpSeconds: parseCount("--warmup", warmup ?? "4", limits.warmUp),
  };
}

export function resultWords(result: LoadResult, paint: Paint): string {
  return [
    `${paint("bold", result.opsPerSecond.toLocaleString("en"))} ${result.op}s/s`,
    `${result.clients} clients, ${result.bytes} bytes`,
    `p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms, p99.9 ${result.p999Ms} ms`,
    result.failures === 0 ? "no failures" : paint("red", `${result.failures} failures`),
  ].join("   ");
}
