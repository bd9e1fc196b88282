// Does anything listen at an address? An address that cannot be reached says nothing of that.
import type { LinkEnd } from "./tls-words.ts";
import { whyNotConnected } from "./why-not-connected.ts";

/** Null: something accepts connections there. Never rejects. */
export async function knockAt(address: string): Promise<LinkEnd | null> {
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

/** Those of the addresses at which something accepts a connection within `timeoutMs`. One that stays silent so long is none of them. */
export async function listeningAt(
  addresses: readonly string[],
  timeoutMs: number,
  knock: typeof knockAt = knockAt,
): Promise<readonly string[]> {
  const late = Bun.sleep(timeoutMs).then(() => false);
  const isListening = async (address: string): Promise<boolean> => (await knock(address)) === null;
  const answers = await Promise.all(addresses.map((address) => Promise.race([isListening(address), late])));
  return addresses.filter((_, at) => answers[at]);
}
