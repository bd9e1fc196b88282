// What the simulators' command lines share.

/** Undefined stays so. Throws `RangeError` for anything but digits. */
export function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} takes a whole number, not ${text}`);
  return Number(text);
}

/** Runs what was typed. The exit code is 2 when it makes no sense, and 1 when a seed does not hold. */
export function runAsTyped<Run>(read: () => Run, holds: (run: Run) => boolean): void {
  let run: Run;
  try {
    run = read();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
    return;
  }
  if (!holds(run)) process.exitCode = 1;
}
