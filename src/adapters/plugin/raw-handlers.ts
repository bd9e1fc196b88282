// The raw style: the plugin's own bytes, passed on unread.
import type { RawState } from "./definition-check.ts";
import { frozenPieces } from "./frozen-pieces.ts";
import { type Encode, type Handlers, mustBeOver } from "./handlers.ts";

/**
 * Bytes are copied on both sides. A view handed in would keep the memory of its whole run alive for as long as the plugin
 * keeps it; a result handed out might be a piece of the state, which changes with the next command.
 */
export function createRawHandlers(instance: RawState): Handlers {
  const { snapshots, due } = instance;
  return {
    apply(payload, context) {
      const result = instance.apply(payload.slice(), context);
      return result === null ? noResult : copyOf(result, "apply");
    },
    query: (payload, context) => copyOf(instance.query(payload.slice(), context), "query"),
    due: due && ((context) => mustBeOver("due", due(context))),
    snapshots: snapshots && {
      take: () => frozenPieces(snapshots.take(), (piece) => bytesOf(piece, "snapshot")),
      restore(piece, from) {
        const { migrate, restore } = snapshots;
        if (from === null || migrate === null) return mustBeOver("restore", restore(piece.slice()));
        mustBeOver("migrate", migrate(piece.slice(), from));
      },
      settle: () => snapshots.settle?.(),
    },
  };
}

/** Of a command whose `apply` declares that nobody needs its result. */
const noResult: Encode = () => new Uint8Array(0);

function copyOf(result: unknown, handler: string): Encode {
  const bytes = bytesOf(result, handler);
  return () => new Uint8Array(bytes);
}

function bytesOf(result: unknown, handler: string): Uint8Array {
  if (result instanceof Uint8Array) return result;
  mustBeOver(handler, result);
  throw new TypeError(`${handler} returned ${result === null ? "null" : typeof result} and not a Uint8Array`);
}
