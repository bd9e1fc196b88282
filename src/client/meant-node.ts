// Which node answers at an address? The one that is meant, or another one that has the address by now: the log or a file may name an
// old one. So what is asked of one node alone is asked after its name.
import { GraftError, type Subject } from "../errors.ts";
import type { BackupReadyReply } from "../ports/requests.ts";
import type { GraftClient } from "./client.ts";

interface Meant {
  readonly id: string;
  readonly address: string;
}

/** Rejects with `GraftError("rejected")` when another node answers at the address, and as `GraftClient.stopNode` does. */
export async function stopNode(
  client: Pick<GraftClient, "status" | "stopNode">,
  meant: Meant,
  leftMs: () => number,
): Promise<void> {
  await mustAnswer(client, meant, { leftMs, subject: "stop" });
  await client.stopNode(meant.address, { timeoutMs: leftMs() });
}

/** Rejects with `GraftError("rejected")` when another node answers at the address, and as `GraftClient.backup` does. */
export async function backUpNode(
  client: Pick<GraftClient, "status" | "backup">,
  meant: Meant,
  leftMs: () => number,
): Promise<BackupReadyReply> {
  await mustAnswer(client, meant, { leftMs, subject: "backup" });
  return client.backup(meant.address, { timeoutMs: leftMs() });
}

async function mustAnswer(
  client: Pick<GraftClient, "status">,
  { id, address }: Meant,
  { leftMs, subject }: { readonly leftMs: () => number; readonly subject: Subject },
): Promise<void> {
  const { node } = await client.status(address, { timeoutMs: leftMs() });
  if (node !== id) throw new GraftError("rejected", `${node} answers at ${address}, and not ${id}`, { subject });
}
