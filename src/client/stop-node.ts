// Which node is stopped? The one that is meant, and no other that has its address by now: the log or a file may name an old one.
import { GraftError } from "../errors.ts";
import type { GraftClient } from "./client.ts";

interface Meant {
  readonly id: string;
  readonly address: string;
}

/** Rejects with `GraftError("rejected")` when another node answers at the address, and as `GraftClient.stopNode` does. */
export async function stopNode(
  client: Pick<GraftClient, "status" | "stopNode">,
  { id, address }: Meant,
  leftMs: () => number,
): Promise<void> {
  const { node } = await client.status(address, { timeoutMs: leftMs() });
  if (node !== id)
    throw new GraftError("rejected", `${node} answers at ${address}, and not ${id}`, { subject: "stop" });
  await client.stopNode(address, { timeoutMs: leftMs() });
}
