// What becomes of a request to open or to close a session? Both go to the log. But a client that has no room for another session, as far as
// the leader knows, is refused without an entry, once it is sure that no later leader knows better.
import { notOpened } from "./answers.ts";
import type { FullClients } from "./full-clients.ts";
import type { ReplyError, Waiter } from "./waiting-clients.ts";

export interface SessionTarget {
  readonly fullClients: FullClients;
  submit(waiter: Waiter): void;
}

type Opening = Extract<Waiter, { readonly kind: "openSession" }>;
type Closing = Extract<Waiter, { readonly kind: "closeSession" }>;

export function submitOpening(node: SessionTarget, opening: Opening): void {
  const { client, payload, from, open, dueMs } = opening;
  if (node.fullClients.whyFull(client) === null) return node.submit(opening);
  const fail = (error: ReplyError): void => {
    open.close();
    opening.fail(error);
  };
  /** This node has led since the request came, and has applied all that was committed before. */
  const succeed = (): void => {
    const why = node.fullClients.whyFull(client);
    if (why === null) node.submit(opening);
    else fail(notOpened(why));
  };
  const notDone = "the session was not opened";
  node.submit({ kind: "reach", notDone, payload, from, open, dueMs, succeed, fail });
}

export function submitClosing(node: SessionTarget, closing: Closing): void {
  const closed = node.fullClients.closing(closing.client);
  node.submit({
    ...closing,
    succeed: (...answer) => {
      closed(true);
      closing.succeed(...answer);
    },
    fail: (error) => {
      closed(error.code !== "outcome-unknown");
      closing.fail(error);
    },
  });
}
