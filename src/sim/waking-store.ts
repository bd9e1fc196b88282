// When does the key-value store of a simulation ask to be woken? Some puts ask for a time. When it has come, a chain under a key that no client has is
// lengthened, so a node that was woken more often, or at another entry, has another state. Sometimes it asks again, sometimes for the past.
import type { ApplyContext } from "../adapters/plugin/api.ts";
import type { Command, TypedPlugin } from "../adapters/plugin/definition-check.ts";
import { longer } from "./chain.ts";
import type { WakePace, WakeWatch } from "./wakes.ts";

const chainKey = "%wakes";

/** @param plugin has the commands of the store; what it asks for is heard as well */
export function wakingStore(plugin: TypedPlugin, store: TypedPlugin, watch: WakeWatch, pace: WakePace): TypedPlugin {
  const [put, storePut, storeGet] = [
    plugin.commands.get("put")!,
    store.commands.get("put")!,
    store.queries.get("get")!,
  ];
  const lengthen = (state: unknown, context: ApplyContext): Uint8Array => {
    const before = storeGet.run(state, { key: chainKey }, context) as Uint8Array | null;
    const value = longer(before, `${context.timeMs} at ${context.index}`);
    storePut.run(state, { key: chainKey, value }, context);
    return value;
  };
  const wakingPut: Command = {
    ...put,
    run(state, input, context) {
      const heard = watch.heard(context);
      const result = put.run(state, input, heard);
      const drawn = numberOf((input as { readonly value: Uint8Array }).value);
      if (drawn % 1000 < pace.often * 1000) heard.wakeAt(context.timeMs + (drawn % pace.withinMs));
      return result;
    },
  };
  const due = (state: unknown, context: ApplyContext): void => {
    watch.due();
    const heard = watch.heard(context);
    plugin.due?.(state, heard);
    if (pace.often === 0) return;
    const drawn = numberOf(lengthen(state, context));
    if (drawn % 4 === 0) heard.wakeAt(context.timeMs + (drawn % pace.withinMs) / 2);
    if (drawn % 4 === 1) heard.wakeAt(context.timeMs - (drawn % 100));
  };
  const isWoken = pace.often > 0 || plugin.due !== null;
  return { ...plugin, commands: new Map(plugin.commands).set("put", wakingPut), due: isWoken ? due : null };
}

const numberOf = (value: Uint8Array): number => Number(Bun.hash.xxHash3(value) & 0xffff_ffffn);
