// What the golden frames hold.
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { Genesis } from "../../../src/core/genesis.ts";

export const stampMs = 1_700_000_000_000;
export const first = toMemberKey("n1", "a1");
export const second = toMemberKey("n2", "b2");
export const members = [
  { key: first, address: "127.0.0.1:7401", priority: 0 },
  { key: second, address: "127.0.0.1:7402", priority: -1 },
];
export const pending = [{ promote: [second], demote: [], remove: [first] }];
export const genesis: Genesis = { clusterUuid: "00112233445566778899aabbccddeeff", members, foundedAtMs: stampMs };
export const leader = { id: "n1", address: "127.0.0.1:7401" };
export const payload = new Uint8Array([1, 2, 255]);
