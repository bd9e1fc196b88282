// The transport over TLS and the one in memory under the one contract.
import { MemoryNetwork } from "../doubles/memory-network.ts";
import { nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { TlsNet } from "../adapters/tls/tls-net.ts";
import { describeBulkContract } from "./transport-bulk-contract.ts";
import { describeTransportContract } from "./transport-contract.ts";
import { incarnation, Recorder, type TransportHarness } from "./transport-harness.ts";
import { describePresenceContract } from "./transport-presence-contract.ts";

const inMemory = async (): Promise<TransportHarness> => {
  const network = new MemoryNetwork();
  let nextPort = 1;
  return {
    async node(id, { bootId = "boot", address = `memory:${nextPort++}`, affiliation = "joining" } = {}) {
      const heard = new Recorder();
      const transport = network.transport({ self: { id, incarnation, bootId }, address, software: "1.2.3" });
      transport.setAffiliation(affiliation);
      await transport.start(heard);
      return { transport, address, heard, key: toMemberKey(id, incarnation) };
    },
    async until(condition, what) {
      for (let round = 0; round < 100; round += 1) {
        if (condition()) return;
        network.deliverAll();
        // What was promised is told between deliveries.
        await Promise.resolve();
      }
      throw new Error(`it did not happen: ${what}`);
    },
    hasSeen: () => true,
    shut: (node) => network.shut(nodeIdOf(node.key)),
    client: async (of, name) => {
      const [id = ""] = of.key.split("@");
      return network.client(id, { name, isAdmin: name === "admin" });
    },
    close: async () => {},
  };
};

for (const [name, open] of [
  ["in memory", inMemory],
  ["over TLS", async () => new TlsNet()],
] as const) {
  describeTransportContract(name, open);
  describePresenceContract(name, open);
  describeBulkContract(name, open);
}
