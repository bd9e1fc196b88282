// Which node answers at an address? The one that is meant, or another one that has the address by now: the log or a file may name an
// old one. So a request for one node alone is sent after the node has said its name.
import { GraftError, type Subject } from "../errors.ts";
import type { GraftClient } from "./client.ts";

export interface MeantNode {
  readonly id: string;
  readonly address: string;
}

interface Asking {
  readonly subject: Subject;
  /** How long the whole may still take. */
  readonly leftMs: () => number;
}

/** Calls `ask` once the node itself has answered. Rejects with `GraftError("rejected")` when another node answers at its address. */
export async function askMeant<T>(
  client: Pick<GraftClient, "status">,
  { id, address }: MeantNode,
  { subject, leftMs }: Asking,
  ask: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const { node } = await client.status(address, { timeoutMs: leftMs() });
  if (node !== id) throw new GraftError("rejected", `${node} answers at ${address}, and not ${id}`, { subject });
  return ask(leftMs());
}
