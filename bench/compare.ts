// Runs systems in turn, round after round, and keeps the median of each: what drifts on the machine drifts for all of them.
// A system is a command that prints JSON lines; which figure counts is the caller's matter.
import { parseArgs } from "node:util";

export interface System {
  readonly name: string;
  /** Run by a shell. */
  readonly command: string;
}

export interface Figures {
  readonly name: string;
  /** One object per JSON line, over all rounds. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

export interface Comparison {
  readonly systems: readonly System[];
  readonly rounds: number;
  /** Folder for results; null: only the terminal. */
  readonly out: string | null;
  readonly rest: Readonly<Record<string, string | undefined>>;
}

/**
 * `--peer NAME=COMMAND` (repeatable), `--rounds N`, `--out DIR` and the flags named in `more`. The first system is Graft;
 * `COMMAND` of a peer prints the same JSON lines.
 */
export function readArguments(graftCommand: string, more: readonly string[]): Comparison {
  const own = Object.fromEntries(more.map((name) => [name, { type: "string" } as const]));
  const options = {
    ...own,
    peer: { type: "string", multiple: true },
    rounds: { type: "string" },
    out: { type: "string" },
  } as const;
  const values: Readonly<Record<string, unknown>> = parseArgs({ options }).values;
  const text = (name: string): string | undefined => (typeof values[name] === "string" ? values[name] : undefined);
  const named = Array.isArray(values["peer"]) ? values["peer"].filter((peer) => typeof peer === "string") : [];
  const peers = named.map((peer) => {
    const equals = peer.indexOf("=");
    if (equals < 1) throw new Error(`--peer takes NAME=COMMAND, not ${peer}`);
    return { name: peer.slice(0, equals), command: peer.slice(equals + 1) };
  });
  return {
    systems: [{ name: "graft", command: graftCommand }, ...peers],
    rounds: Number(text("rounds") ?? 3),
    out: text("out") ?? null,
    rest: Object.fromEntries(more.map((name) => [name, text(name)])),
  };
}

/** Runs every system once per round; `fill` replaces `{name}` in the commands. */
export async function run(
  { systems, rounds }: Pick<Comparison, "systems" | "rounds">,
  fill: Readonly<Record<string, string | number>>,
): Promise<readonly Figures[]> {
  const lines = new Map(systems.map(({ name }) => [name, [] as Record<string, unknown>[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, command } of systems) {
      const filled = command.replaceAll(/\{(\w+)\}/g, (whole, key: string) => String(fill[key] ?? whole));
      const child = Bun.spawn(["sh", "-c", filled], { stdout: "pipe", stderr: "inherit" });
      const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${filled}`);
      for (const line of text.split("\n")) {
        if (line.startsWith("{")) lines.get(name)?.push(JSON.parse(line) as Record<string, unknown>);
      }
    }
  }
  return [...lines].map(([name, figures]) => ({ name, lines: figures }));
}

/** Of the numbers under `field`; NaN when there are none. */
export const median = ({ lines }: Figures, field: string): number =>
  medianOf(lines.map((line) => line[field]).filter((value) => typeof value === "number"));

/** NaN when there are none. */
export function medianOf(all: readonly number[]): number {
  const values = all.toSorted((one, other) => one - other);
  const middle = Math.floor(values.length / 2);
  return values.length % 2 === 1 ? values[middle]! : ((values[middle - 1] ?? Number.NaN) + values[middle]!) / 2;
}
