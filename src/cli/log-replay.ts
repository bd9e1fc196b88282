// `graft log inspect --replay PLUGIN`, or with a program behind `--`: what the log of a stopped node comes to, in hashes that can be compared with those of another node.
import { type Replayed, replayStopped } from "../compose-replay.ts";
import { GraftError } from "../errors.ts";
import type { Output, Paint } from "./output.ts";
import { renderTable } from "./table.ts";
import { parseCount } from "./typed-numbers.ts";

const everyDefault = 1024;

export const replayFlags = {
  replay: {
    type: "string",
    valueHint: "PLUGIN[,…]",
    description:
      "apply the log with this plugin, and show the hashes that nodes compare; several versions, the newest last",
  },
  through: {
    type: "string",
    valueHint: "INDEX",
    description: "with --replay: end at this entry; default: the last one",
  },
  every: {
    type: "string",
    valueHint: "COUNT",
    description: `with --replay: as raft.compare_every_entries of the cluster; default: ${everyDefault}`,
  },
} as const;

interface ReplayArguments {
  readonly replay?: string | undefined;
  readonly through?: string | undefined;
  readonly every?: string | undefined;
}

/**
 * Null: no replay is asked for.
 * @param program the words behind `--`
 */
export async function replayed(
  dataDir: string,
  args: ReplayArguments & { readonly program: readonly string[] },
  output: Output,
): Promise<Replayed | null> {
  const { replay, through, every } = args;
  const program = args.program.length === 0 ? null : args.program;
  if (replay === undefined && program === null) {
    const needless = through === undefined ? (every === undefined ? null : "--every") : "--through";
    if (needless !== null) throw new GraftError("usage", `${needless} needs --replay PLUGIN, or a program behind --`);
    return null;
  }
  if (replay !== undefined && program !== null)
    throw new GraftError("usage", "replay with a plugin or with a program? leave out --replay, or what follows --");
  const options = {
    plugin: replay?.split(",") ?? [],
    command: program,
    directory: process.cwd(),
    every: every === undefined ? everyDefault : parseCount("--every", every, { min: 1, max: 1_000_000 }),
    through: through === undefined ? null : parseCount("--through", through, { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
  return output.progress("applying the log", replayStopped(dataDir, options));
}

/** Numbers of 53 bits. */
export const replayDocument = ({ after, through, words }: Replayed): object => ({ after, through, words });

const stateWords =
  "The state in the folder state is another one: these hashes are those of the snapshot and the log, and the node goes on with that state.";

/** `hasState`: the state machine keeps its state on disk as well. */
export function replayWords({ after, through, words }: Replayed, hasState: boolean, paint: Paint): readonly string[] {
  const begin = after === 0 ? "from the first entry" : `from the snapshot through ${after}`;
  const rows = words.map(({ index, of, value }) => [String(index), of, value.toString(16).padStart(14, "0")]);
  return [
    "",
    paint("bold", `Replayed ${begin} through ${through}`),
    renderTable(["INDEX", "HASH OF", "VALUE"], rows, paint),
    ...(hasState ? [stateWords] : []),
  ];
}
