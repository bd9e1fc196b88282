// The state machines built into the binary, by the name that a configuration gives them. The only file outside plugins/ that
// knows them.
import counter from "../../../plugins/counter/index.ts";
import kv from "../../../plugins/kv/index.ts";

const shipped: Readonly<Record<string, unknown>> = { counter, kv };

export const shippedNames: readonly string[] = Object.keys(shipped);

/** The default export of a shipped plugin; undefined for another name. */
export function shippedPlugin(name: string): unknown {
  return Object.hasOwn(shipped, name) ? shipped[name] : undefined;
}
