// Which signals ask a command that runs until it is stopped to stop? Those that a terminal, a shell or a supervisor sends.
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";

/** Of these a second one ends the process at once: whoever sends it does not want to wait. */
const impatient = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/** A terminal that closes and some supervisors send it together with another one, so that it never counts as the second. */
const hangup = "SIGHUP";

export type StopSignal = (typeof impatient)[number] | typeof hangup;

/** What a shell says of a command that a signal has ended. */
export const signalExitCodes = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const satisfies Readonly<
  Record<StopSignal, number>
>;

/** Resolves with the first request. `again`: the exit code of a process that a second one ends. */
export function askedToStop(again: (signal: StopSignal) => number = () => 1): Promise<StopSignal> {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let signals = 0;
  const onSignal = (signal: StopSignal): void => {
    if (++signals > 1) process.exit(again(signal));
    resolve(signal);
  };
  for (const signal of impatient) process.on(signal, () => onSignal(signal));
  // Under nohup it is to stay ignored.
  if (!isIgnored(hangup)) process.on(hangup, () => resolve(hangup));
  return promise;
}

/** As inherited from who started this process. Where the system does not tell, nothing counts as ignored. */
function isIgnored(signal: NodeJS.Signals): boolean {
  const status = "/proc/self/status";
  const [, mask = "0"] = existsSync(status)
    ? (/^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8")) ?? [])
    : [];
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
