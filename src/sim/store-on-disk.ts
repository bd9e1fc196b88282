// How does the key-value store of a simulation keep its state on disk? Beside its state in memory it notes what puts have changed since the last commit.
// The disk is one of the simulation, and has only what was committed.
import type { Operation, TypedPlugin } from "../adapters/plugin/definition-check.ts";
import type { StateDisk } from "./state-disk.ts";

type Item = readonly [key: string, value: Uint8Array];

interface Kept {
  /** Null: of a state that no node runs, which is in memory alone. */
  readonly folder: string | null;
  store: unknown;
  /** Since the last commit. */
  isCleared: boolean;
  changed: Map<string, Uint8Array>;
}

/** @param plugin whose only command is `put` */
export function storeOnDisk(plugin: TypedPlugin, disk: StateDisk): TypedPlugin {
  const { create, snapshots, due } = plugin;
  if (snapshots === null) throw new Error("no store of keys");
  const begun = (folder: string | null): Kept => ({ folder, store: create(), isCleared: false, changed: new Map() });
  const put = plugin.commands.get("put")!;
  return {
    ...plugin,
    create: () => begun(null),
    durable: {
      open(folder) {
        const kept = begun(folder);
        for (const item of disk.read(folder).data) snapshots.restore(kept.store, item);
        return kept;
      },
      records: (kept) => disk.read(folderOf(kept)).records,
      commit(state, records) {
        const { folder, isCleared, changed } = keptIn(state);
        if (folder !== null) disk.commit(folder, { isCleared, data: changed, records });
        Object.assign(keptIn(state), { isCleared: false, changed: new Map() });
      },
      clear: (state) => void Object.assign(keptIn(state), { ...begun(folderOf(state)), isCleared: true }),
      close: () => {},
    },
    snapshots: {
      ...snapshots,
      take: (state) => snapshots.take(keptIn(state).store),
      restore(state, item) {
        note(keptIn(state), item as Item);
        snapshots.restore(keptIn(state).store, item);
      },
    },
    due: due && ((state, context) => due(keptIn(state).store, context)),
    commands: new Map([["put", { ...ofStore(put), run: noting(put) }]]),
    queries: new Map(Array.from(plugin.queries, ([name, query]) => [name, ofStore(query)])),
  };
}

const keptIn = (state: unknown): Kept => state as Kept;

const folderOf = (state: unknown): string => keptIn(state).folder!;

const note = ({ changed }: Kept, [key, value]: Item): void => void changed.set(key, value);

const ofStore = <Context>(operation: Operation<Context>): Operation<Context> => ({
  ...operation,
  run: (state, input, context) => operation.run(keptIn(state).store, input, context),
});

const noting =
  <Context>(put: Operation<Context>): Operation<Context>["run"] =>
  (state, input, context) => {
    const { key, value } = input as { readonly key: string; readonly value: Uint8Array };
    note(keptIn(state), [key, value]);
    return put.run(keptIn(state).store, input, context);
  };
