// How does the key-value store tell its versions apart? Each put also lengthens a chain, under a key that no client has, by the version
// that ran it, and so does a version that takes the state over from another one. So nodes of which one ran another version somewhere have
// other states from there on.
import type { Command, Plugin } from "../adapters/plugin/definition-check.ts";
import type { LoadedVersion } from "../adapters/plugin/loader.ts";
import type { LogIndex } from "../core/log-position.ts";
import { longer } from "./chain.ts";
import { wakingStore } from "./waking-store.ts";
import type { WakePace, WakeWatch } from "./wakes.ts";

/** Two builds of one step do the same, and their code has other hashes. */
export interface StoreVersion {
  readonly step: number;
  readonly build: number;
}

export const wordsOf = ({ step, build }: StoreVersion): string => `step ${step}, build ${build}`;

const chainKey = "%versions";

export interface StoreEvents {
  /** Told of each put that a version runs. */
  readonly ran: (step: number, index: LogIndex) => void;
  readonly watch: WakeWatch;
}

/** `store`: what a put is made of. */
export function versionOf(
  { step, build }: StoreVersion,
  plugin: Plugin,
  store: Plugin,
  wakes: WakePace,
  { ran, watch }: StoreEvents,
): LoadedVersion {
  if (plugin.style === "raw" || store.style === "raw" || plugin.snapshots === null) throw new Error("no store of keys");
  const [put, storePut, storeGet] = [
    plugin.commands.get("put")!,
    store.commands.get("put")!,
    store.queries.get("get")!,
  ];
  const { snapshots } = plugin;
  const version = String(step);
  const versionedPut: Command = {
    ...put,
    run(state, input, context) {
      const result = put.run(state, input, context);
      const before = storeGet.run(state, { key: chainKey }, context) as Uint8Array | null;
      storePut.run(state, { key: chainKey, value: longer(before, `${version} at ${context.index}`) }, context);
      ran(step, context.index);
      return result;
    },
  };
  const migrate = (state: unknown, item: unknown, from: string): unknown => {
    const [key, value] = item as readonly [string, Uint8Array];
    return snapshots.restore(state, key === chainKey ? [key, longer(value, `${from} to ${version}`)] : item);
  };
  return {
    plugin: wakingStore(
      {
        ...plugin,
        version,
        commands: new Map(plugin.commands).set("put", versionedPut),
        snapshots: { ...snapshots, migrate },
      },
      store,
      watch,
      wakes,
    ),
    snapshots: true,
    id: { name: plugin.name, version, hash: hashOf(step, build) },
  };
}

export const stepOf = ({ version }: { readonly version: string }): number => Number(version);

/** People see the beginning of it. */
const hashOf = (step: number, build: number): string =>
  `${step.toString(16).padStart(2, "0")}${build.toString(16).padStart(2, "0")}`.padEnd(64, "0");
