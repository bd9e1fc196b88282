// Has a node gone? As long as something accepts connections at its address it has not.

const pollMs = 50;

/** Resolves with true once nothing listens at `host:port` any more, with false after `timeoutMs`. */
export async function waitUntilGone(address: string, timeoutMs: number): Promise<boolean> {
  const dueMs = performance.now() + timeoutMs;
  while (await isListening(address)) {
    if (performance.now() >= dueMs) return false;
    await Bun.sleep(pollMs);
  }
  return true;
}

/** Those of the addresses at which something accepts a connection within `timeoutMs`. */
export async function listeningAt(addresses: readonly string[], timeoutMs: number): Promise<readonly string[]> {
  const late = Bun.sleep(timeoutMs).then(() => false);
  const answers = await Promise.all(addresses.map((address) => Promise.race([isListening(address), late])));
  return addresses.filter((_, at) => answers[at]);
}

async function isListening(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  try {
    const socket = await Bun.connect({ hostname, port: Number(address.slice(colon + 1)), socket: { data: () => {} } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
}
