// The client's way out: one TLS connection per node, as adapters/tls makes it, seen as the client's own seam.
import { type ClientLink, dialNode } from "../adapters/tls/dial.ts";
import type { TlsMaterial } from "../adapters/tls/tls-words.ts";
import type { Dial } from "./connection.ts";

export interface TlsDialOptions {
  /** `[cluster] id`. */
  readonly cluster: string;
  /** The name in the client's certificate. */
  readonly name: string;
  readonly tls: TlsMaterial;
  /** This program's version, for people. */
  readonly software: string;
}

/** Dials whichever node of the cluster listens at an address. */
export const tlsDial =
  (options: TlsDialOptions): Dial =>
  async (address, handlers): Promise<ClientLink> =>
    dialNode({
      ...options,
      address,
      meant: null,
      handler: {
        onReply: handlers.onReply,
        onClose: (reason, code) => handlers.onClosed({ kind: code === "stopping" ? "stopping" : "lost", reason }),
      },
    });
