// How does a Bun socket become a link? The TLS settings of both sides, and the one set of socket callbacks that all links
// share. TLS 1.3 only, and the certificate is asked of both sides.
import { readAddress } from "../../core/address.ts";
import { GraftError } from "../../errors.ts";
import type { Link, LinkSocket } from "./link.ts";
import { codeOf, type TlsMaterial } from "./tls-words.ts";
import { whyNotConnected } from "./why-not-connected.ts";

/** As a number: the string form throws in Bun 1.4.5, and without it TLS 1.2 is let in. */
const tls13 = 0x0304;

/** SSL_OP_NO_TICKET. A resumed session is not asked for its certificate again: it would outlive the certificate's end. */
const noTickets = 0x4000;

/**
 * Listens; `accept` makes the link of each new connection. Throws `GraftError("config")` when the address or the
 * certificates cannot be used.
 */
export function listenTls(address: string, tls: TlsMaterial, accept: () => Link): Bun.TCPSocketListener<Link> {
  const read = readAddress(address, 0);
  if (read.kind === "fault") throw new GraftError("config", `cannot listen on ${address}: it ${read.fault}`);
  const { host: hostname, port } = read.address;
  const settings = { ...tls, requestCert: true, rejectUnauthorized: true, minVersion: tls13, secureOptions: noTickets };
  try {
    return Bun.listen<Link>({
      hostname,
      port,
      tls: settings,
      socket: {
        ...callbacks,
        open(socket) {
          orStop(() => {
            socket.data = accept();
            socket.data.socketOpened(socket);
          });
        },
      },
    });
  } catch (cause) {
    throw new GraftError("config", `cannot listen on ${address}: ${explainListen(cause)}`, { cause });
  }
}

/**
 * Connects; success and failure alike reach the link, also that the address is none: it may have come from a log that was written
 * by another rule. Throws `GraftError("config")` when the certificates are unusable.
 */
export function connectTls(address: string, tls: TlsMaterial, link: Link): void {
  const read = readAddress(address);
  if (read.kind === "fault") {
    const reason = `its address ${read.fault}`;
    return queueMicrotask(() => link.neverOpened({ kind: "unreachable", reason }));
  }
  const { host: hostname, port } = read.address;
  // Not rejected by Bun, which would also reject by host name: link.ts checks the chain, its handler the identity.
  const settings = { ...tls, rejectUnauthorized: false, minVersion: tls13 };
  try {
    const connecting = Bun.connect<Link>({ hostname, port, tls: settings, data: link, socket: callbacks });
    const beganMs = performance.now();
    connecting.catch(async (error: unknown) => {
      const elapsedMs = performance.now() - beganMs;
      link.neverOpened(await whyNotConnected({ error, host: hostname, port, elapsedMs }));
    });
  } catch (cause) {
    throw new GraftError("config", `cannot use this certificate and key: ${messageOf(cause)}`, { cause });
  }
}

const callbacks = {
  open(socket: LinkSocket) {
    orStop(() => socket.data.socketOpened(socket));
  },
  handshake(socket: LinkSocket, _success: boolean, error: Error | null) {
    orStop(() => socket.data.socketSecured(socket, error));
  },
  data(socket: LinkSocket, chunk: Buffer) {
    orStop(() => socket.data.socketReceived(chunk));
  },
  drain(socket: LinkSocket) {
    orStop(() => socket.data.socketDrained());
  },
  error(socket: LinkSocket, error: Error) {
    orStop(() => socket.data.socketFailed(error));
  },
  close(socket: LinkSocket, error?: Error) {
    orStop(() => socket.data.socketClosed(error));
  },
  /** Its presence keeps a failed connect from being reported twice; connectTls tells the link. */
  connectError() {},
} satisfies Bun.SocketHandler<Link>;

/**
 * Bun hands whatever a callback throws to `error`, where it would pass for a failure of the socket. What is thrown here is
 * a broken invariant of ours, and must stop the process (fail-stop.ts): here and now, since callbacks of other sockets may follow.
 */
function orStop(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    reportError(error);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function explainListen(error: unknown): string {
  const code = codeOf(error);
  if (code === "EADDRINUSE") return "the address is in use by another process";
  if (code === "EADDRNOTAVAIL") return "this machine does not have that address";
  if (code === "EACCES") return "this user may not listen there";
  if (code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH") return "the key does not belong to the certificate";
  if (code.startsWith("ERR_OSSL")) return `the certificates or the key cannot be read (${messageOf(error)})`;
  return `${code} ${messageOf(error)}`.trim();
}
