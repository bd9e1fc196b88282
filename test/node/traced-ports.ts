// The ports of one node, in memory, with a record of the calls whose order matters.
import type { MemoryLogStore } from "../../src/sim/memory/log-store.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { Transport } from "../../src/ports/transport.ts";

/** Which writes wait until the store is told to flush. */
export type HeldWrites = "nothing" | "appends" | "everything";

export function tracedStore(store: MemoryLogStore, trace: string[], holds: () => HeldWrites): LogStore {
  return {
    saved: store.saved,
    write: (effects, onDurable) => {
      trace.push(`write ${effects.map((effect) => effect.kind).join("+")}`);
      const outcome = store.write(effects, onDurable);
      const isAppend = effects.some(({ kind }) => kind === "appendLog");
      if (holds() === "nothing" || (holds() === "appends" && !isAppend)) store.flushAll();
      return outcome;
    },
    reopen: () => store.reopen(),
    read: (first, last, bytesMax) => store.read(first, last, bytesMax),
    chainAt: (index) => store.chainAt(index),
    chainAfter: (before, entry) => store.chainAfter(before, entry),
    keepDamage: (finding) => store.keepDamage(finding),
    keepFinding: (finding) => store.keepFinding(finding),
    reclaim: () => store.reclaim(),
    close: () => {
      trace.push("store.close");
      store.close();
    },
  };
}

interface TransportFaults {
  readonly startsAfter: Promise<void> | null;
  readonly stopFailure: Error | null;
}

export function tracedTransport(transport: Transport, trace: string[], faults: () => TransportFaults): Transport {
  return {
    start: async (handler) => {
      await transport.start(handler);
      await faults().startsAfter;
    },
    send: (to, message) => {
      trace.push(`send ${message.kind} ${to.slice(0, to.indexOf("@"))}`);
      transport.send(to, message);
    },
    dismiss: (peer, reason) => transport.dismiss(peer, reason),
    flush: () => {
      trace.push("flush");
      transport.flush();
    },
    setPeers: (peers) => transport.setPeers(peers),
    setAffiliation: (affiliation) => {
      trace.push(`setAffiliation ${typeof affiliation === "string" ? affiliation : "known"}`);
      transport.setAffiliation(affiliation);
    },
    peers: () => transport.peers(),
    reach: (id, address, timeoutMs) => transport.reach(id, address, timeoutMs),
    discover: (address, timeoutMs) => transport.discover(address, timeoutMs),
    openBulk: (to) => transport.openBulk(to),
    stop: async (graceMs) => {
      trace.push("transport.stop");
      await transport.stop(graceMs);
      const failure = faults().stopFailure;
      if (failure !== null) throw failure;
    },
  };
}
