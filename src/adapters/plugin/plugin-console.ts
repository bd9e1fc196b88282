// Where does a plugin's console go? Into the node's log, as lines of it: what a plugin writes to the process's own outputs would
// stand between lines that programs read. A plugin that writes much is held back, and the next line says by how much.
import { format } from "node:util";
import type { LogLevel } from "../../ports/logger.ts";

/** Takes a line of the plugin. */
export type Say = (level: LogLevel, text: string) => void;

const linesPerSecondMax = 100;
const textLengthMax = 1_000;

const levels: Readonly<Record<string, LogLevel>> = {
  log: "info",
  info: "info",
  dir: "info",
  table: "info",
  debug: "debug",
  trace: "debug",
  warn: "warn",
  error: "error",
};

/** As it was before plugins are kept from it (determinism-guard.ts). */
const clockMs = performance.now.bind(performance);

/** From now on the functions of `target` say what they are given. */
export function takeConsole(target: object, say: Say, nowMs: () => number = clockMs): void {
  const spare = sparing(say, nowMs);
  for (const name of Object.getOwnPropertyNames(target)) {
    if (typeof Reflect.get(target, name) === "function") Reflect.set(target, name, functionFor(name, spare));
  }
}

function functionFor(name: string, say: Say): (...given: unknown[]) => void {
  const level = levels[name];
  if (level !== undefined) return (...given) => say(level, format(...given));
  if (name === "assert") {
    return (holds, ...given) => {
      if (holds !== true) say("error", `assertion failed: ${format(...given)}`);
    };
  }
  return (...given) => say("info", `${name}: ${format(...given)}`);
}

/** Takes any number of lines, and says as many of them as a log can take. */
export function sparing(say: Say, nowMs: () => number = clockMs): Say {
  let endsMs = 0;
  let lines = 0;
  let leftOut = 0;
  return (level, text) => {
    const now = nowMs();
    if (now >= endsMs) {
      endsMs = now + 1_000;
      lines = 0;
    }
    if (++lines > linesPerSecondMax) return void leftOut++;
    const cut = text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
    say(level, leftOut === 0 ? cut : `${cut} (${leftOut} lines before it were left out)`);
    leftOut = 0;
  };
}
