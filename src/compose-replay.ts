// What does the log of a stopped node come to? Its snapshot is restored into a state machine beside it, what follows is applied, and the hashes
// are told that running nodes compare. So two nodes can be compared by hand. As in compose.ts nothing here decides anything.
import { openFileSnapshotStore } from "./adapters/files/snapshot-store.ts";
import { entriesIn, savedIn } from "./adapters/sqlite/read-stopped.ts";
import { composeStateMachine } from "./compose.ts";
import { type PlacedActivation, type PluginVersion, skipsIn } from "./core/activation.ts";
import type { CopyWord } from "./core/copy-word.ts";
import type { LogIndex } from "./core/log-position.ts";
import { GraftError } from "./errors.ts";
import { runningFrom } from "./node/active-version.ts";
import { type AboutEntry, appliedEntry } from "./node/applied-entry.ts";
import type { SavedState } from "./ports/log-store.ts";
import type { StateMachine } from "./ports/state-machine.ts";

export interface ReplayOptions {
  /** The versions of the plugin, as in the configuration file, relative to `directory`. Empty where there is a program. */
  readonly plugin: readonly string[];
  /** A program and its arguments; null: there is a plugin. */
  readonly command: readonly string[] | null;
  readonly directory: string;
  /** `raft.compare_every_entries` of the cluster. */
  readonly every: number;
  /** Where to end; null: at the end of the log. */
  readonly through: LogIndex | null;
}

export interface Replayed {
  /** The end of the snapshot that it begins with; 0: it begins with nothing. */
  readonly after: LogIndex;
  readonly through: LogIndex;
  /** What the node would have said of its copy. The last one is the hash of the content at the end. */
  readonly words: readonly CopyWord[];
}

/** Changes nothing. Throws `GraftError`. */
export async function replayStopped(dataDir: string, options: ReplayOptions): Promise<Replayed> {
  const { plugin, command, directory, every } = options;
  const saved = savedIn(dataDir);
  const after = saved.snapshot?.position.index ?? 0;
  const through = options.through ?? saved.last.index;
  if (through < after || through > saved.last.index) {
    const range = `its state can be had from ${after} to ${saved.last.index}`;
    throw new GraftError("usage", `--through ${through} is not in the log of ${dataDir}: ${range}`);
  }
  const machine = await composeStateMachine({ plugin, command, directory, host: "inline" }, null, null);
  try {
    const words: CopyWord[] = [];
    machine.watchMilestones(every, ({ index, chain: value }) => words.push({ index, of: "outcomes", value }));
    await restore(machine, dataDir, saved);
    for (const entries of entriesIn(dataDir, after, through)) {
      const run = entries.flatMap((entry) => appliedEntry(entry, aboutEntry(entry.index, saved, machine)) ?? []);
      await machine.apply(run, () => {});
    }
    const content = await contentOf(machine);
    if (content !== null) words.push({ index: through, of: "content", value: content });
    return { after, through, words };
  } finally {
    await machine.close();
  }
}

async function restore(machine: StateMachine, dataDir: string, { snapshot, ...saved }: SavedState): Promise<void> {
  if (snapshot === null) return;
  const { activation } = snapshot;
  const plugin = activation === null ? null : versionFrom(activation.position.index, { snapshot, ...saved }, machine);
  const snapshots = openFileSnapshotStore(dataDir);
  try {
    await machine.restore(snapshots.contents(snapshot), plugin);
  } finally {
    await snapshots.close();
  }
}

const aboutEntry = (entry: LogIndex, saved: SavedState, machine: StateMachine): AboutEntry => ({
  isAwaited: false,
  isSkipped: skipsIn(activationsIn(saved)).some((skip) => skip.entry === entry),
  versionFrom: (index) => versionFrom(index, saved, machine),
});

/** What is not committed may be in the log as well: here it counts as if it were. */
function versionFrom(index: LogIndex, saved: SavedState, { versions }: StateMachine): PluginVersion {
  const running = runningFrom(index, { activations: activationsIn(saved), commitIndex: saved.last.index, versions });
  if (running.kind === "lacks") throw running.why;
  return running.plugin;
}

function activationsIn({ baseActivation, snapshot, activations }: SavedState): readonly PlacedActivation[] {
  const before = [baseActivation, snapshot?.activation ?? null].filter((each) => each !== null);
  return [...before, ...activations]
    .filter((each, nth, list) => list.findIndex(({ position }) => position.index === each.position.index) === nth)
    .toSorted((a, b) => a.position.index - b.position.index);
}

/** Null: the plugin has no snapshots. */
async function contentOf(machine: StateMachine): Promise<number | null> {
  if (!machine.description.snapshots) return null;
  const snapshot = await machine.snapshot();
  while ((await snapshot.read()) !== null);
  return snapshot.contentHash;
}
