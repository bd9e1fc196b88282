// A node without file descriptors cannot dial. That says nothing of the other side, least of all that its process has ended.
import { expect, test } from "bun:test";
import { join } from "node:path";

const adapter = join(import.meta.dir, "..", "..", "..", "src", "adapters", "tls", "secure-socket.ts");

/** Dials where somebody listens, and where nobody does; the latter before and after the descriptors have run out. */
const program = `
import { openSync, writeSync } from "node:fs";
import { connectTls } from ${JSON.stringify(adapter)};
const listen = () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
const listeners = [listen(), listen()];
const [there, gone] = listeners.map(({ port }) => port);
listeners[1].stop(true);
const dial = (port) =>
  new Promise((resolve) => connectTls("127.0.0.1:" + port, {}, { neverOpened: resolve, socketOpened() {}, socketClosed() {} }));
const before = await dial(gone);
try {
  for (;;) openSync("/dev/null", "r");
} catch {}
writeSync(1, JSON.stringify([before, await dial(there)]));
process.exit(0);
`;

test.skipIf(process.platform === "win32")(
  "a dial that fails for want of descriptors does not count as a refusal",
  async () => {
    const child = Bun.spawn(["sh", "-c", 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, program], {
      stdout: "pipe",
      stderr: "ignore",
    });
    const [before, without] = JSON.parse(await child.stdout.text()) as unknown[];
    expect(before).toMatchObject({ kind: "vacant" });
    expect(without).toEqual({ kind: "unreachable", reason: "this process has no file descriptors left" });
  },
);
