// A node without free file descriptors opens and accepts no connection. It says so itself, since all else looks like failing peers.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { runWithFewDescriptors, useUpDescriptors } from "./without-descriptors.ts";

/** n1 tries to reach n2 when its descriptors have run out, twice. */
const program = `
import { openSync, writeSync } from "node:fs";
import { TlsNet } from ${JSON.stringify(join(import.meta.dir, "tls-net.ts"))};
const net = new TlsNet();
const [n1, n2] = [await net.node("n1"), await net.node("n2")];
${useUpDescriptors}
const found = [await n1.transport.discover(n2.address, 5_000), await n1.transport.discover(n2.address, 5_000)];
writeSync(1, JSON.stringify({ found, lines: n1.lines.filter(({ level }) => level === "error") }));
process.exit(0);
`;

test.skipIf(process.platform === "win32")(
  "a node without free file descriptors names the limit in its log",
  async () => {
    const { found, lines } = (await runWithFewDescriptors(program)) as {
      readonly found: unknown;
      readonly lines: unknown;
    };
    const failure = { kind: "unable", reason: "this process has no file descriptors left" };
    expect(found).toEqual([failure, failure]);
    const line = {
      level: "error",
      message: "this process has no file descriptors left: it opens and accepts no connections",
      fields: { limit: 64, next: "raise the limit of open files (LimitNOFILE=, ulimit -n) and start the node again" },
      cause: "no descriptors",
    };
    expect(lines).toEqual([line, line]);
  },
);
