// The state machines built into the binary, by the name that a configuration gives them. The only file outside plugins/ that
// knows them.
import counter from "../../../plugins/counter/index.ts";
import kv from "../../../plugins/kv/index.ts";
import lock from "../../../plugins/lock/index.ts";
import queue from "../../../plugins/queue/index.ts";
import sql from "../../../plugins/sql/index.ts";

const shipped: Readonly<Record<string, unknown>> = { counter, kv, lock, queue, sql };

export const shippedNames: readonly string[] = Object.keys(shipped);

/**
 * Stands for the code of a shipped plugin. Its version alone decides: code that ships never does other things under the same version,
 * so that another build of Graft is no other state machine.
 */
export const shippedHash = ({ name, version }: { readonly name: string; readonly version: string }): string =>
  new Bun.CryptoHasher("sha256").update(`graft ${name} ${version}`).digest("hex");

/** The default export of a shipped plugin; undefined for another name. */
export function shippedPlugin(name: string): unknown {
  return Object.hasOwn(shipped, name) ? shipped[name] : undefined;
}
