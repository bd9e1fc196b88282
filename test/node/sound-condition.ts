// What a node tells that nothing ails.
import type { Condition } from "../../src/ports/node-messages.ts";

export const soundCondition: Condition = {
  stateMachine: { kind: "runs", passed: 0 },
  space: "enough",
  isCertificateExpired: false,
  isRefilling: false,
  undialled: [],
  versions: [],
  problem: null,
};
