// Which settings of the JavaScript engine does a node run with? The engine reads them from the environment when its process
// begins, so that `graft start` begins its process once more with them: docs/decisions/a-node-compiles-later.md.
import { program } from "./program.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export const engineSettings: Readonly<Record<string, string>> = {
  // The last compiler (FTL) takes a function when it has been used four times as much as by default.
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "256000",
  BUN_JSC_thresholdForFTLOptimizeSoon: "4000",
};

/** The environment with every setting that it lacks; null when it has all of them. What it has wins. */
export function withEngineSettings(environment: Environment): Environment | null {
  const isComplete = Object.keys(engineSettings).every((name) => environment[name] !== undefined);
  return isComplete ? null : { ...engineSettings, ...environment };
}

/**
 * Begins this process once more with the settings, if it lacks one: with the same id, arguments, open files and ignored signals.
 * Call it before anything is opened or listened for. Returns null in a process that has the settings, otherwise the reason why
 * the system does not let it begin again; it can go on without them.
 */
export function beginWithEngineSettings(): string | null {
  const environment = withEngineSettings(process.env);
  if (environment === null) return null;
  const [file, ...entry] = program;
  const args = [process.argv0, ...process.execArgv, ...entry, ...process.argv.slice(2)];
  try {
    return process.execve?.(file!, args, environment) ?? "this system cannot replace a process";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
