// Has a node gone? It has when its host refuses connections at its address. An address that cannot be reached says nothing.
import type { LinkEnd } from "../adapters/tls/tls-words.ts";
import { whyNotConnected } from "../adapters/tls/why-not-connected.ts";

const pollMs = 50;

/** Resolves with null once nothing listens at `host:port` any more, and after `timeoutMs` with the reason why that is not known. */
export async function waitUntilGone(address: string, timeoutMs: number, knock = knockAt): Promise<string | null> {
  const dueMs = performance.now() + timeoutMs;
  for (;;) {
    const failure = await knock(address);
    if (failure?.kind === "vacant") return null;
    if (performance.now() >= dueMs) return failure?.reason ?? "it still takes connections";
    await Bun.sleep(pollMs);
  }
}

/** Those of the addresses at which something accepts a connection within `timeoutMs`. */
export async function listeningAt(addresses: readonly string[], timeoutMs: number): Promise<readonly string[]> {
  const late = Bun.sleep(timeoutMs).then(() => false);
  const isListening = async (address: string): Promise<boolean> => (await knockAt(address)) === null;
  const answers = await Promise.all(addresses.map((address) => Promise.race([isListening(address), late])));
  return addresses.filter((_, at) => answers[at]);
}

/** Null: something accepts connections there. */
async function knockAt(address: string): Promise<LinkEnd | null> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(colon + 1));
  const beganMs = performance.now();
  try {
    const socket = await Bun.connect({ hostname: host, port, socket: { data: () => {} } });
    socket.terminate();
    return null;
  } catch (error) {
    return whyNotConnected({ error, host, port, elapsedMs: performance.now() - beganMs });
  }
}
