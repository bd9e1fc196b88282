// How does this process end when something is thrown that nothing expects? At once, by the one path that is here: it says its
// last word and exits, and never goes back to its event loop. Nothing that comes after the throw can be sent, written or
// answered. Without this Bun prints what was thrown and goes on.
import { writeLast } from "./adapters/system/last-write.ts";

/** EX_SOFTWARE of sysexits.h: an internal error. No other end of Graft has it. */
export const fatalExitCode = 70;

/** How long a last word may take to leave, in ms: a sink that is stuck does not keep a process that has failed. */
export const lastWordGraceMs = 3000;

const STANDARD_ERROR = 2;

/** Says why the process ends, and returns when that is written. It must not need the event loop. */
export type LastWord = (error: Error) => void;

let lastWord: LastWord = (error) => writeLastWord(STANDARD_ERROR, error.stack ?? error.message);

/** A last word, without its newline. */
export function writeLastWord(fileDescriptor: number, text: string): void {
  writeLast(fileDescriptor, Buffer.from(`${text}\n`), lastWordGraceMs);
}

/** From now on whatever is thrown and not caught, in any callback or promise, ends this process. */
export function armFailStop(): void {
  process.on("uncaughtException", failStop);
  process.on("unhandledRejection", failStop);
}

/** From now on the last word is said like this. */
export function sayLastWordBy(word: LastWord): void {
  lastWord = word;
}

/** Ends this process. */
export function failStop(cause: unknown): never {
  try {
    lastWord(cause instanceof Error ? cause : new Error(`thrown: ${String(cause)}`));
  } finally {
    process.exit(fatalExitCode);
  }
}
