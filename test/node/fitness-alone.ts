// The part of a node that judges fitness, without the rest of the node.
import type { Unfit } from "../../src/core/impediment.ts";
import type { State } from "../../src/core/state.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import type { PeerStatus } from "../../src/ports/transport.ts";
import { Fitness, type FitnessOptions } from "../../src/node/fitness.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

/** Nothing is wrong with it. */
export const soundNode = {
  address: "n1:7400",
  versions: [],
  stateMachine: () => ({ standstill: null, renewal: null, endlessWork: null, appliedIndex: 0, stoppedThrough: null }),
  snapshotFailure: () => null,
  distrust: () => null,
  copyFault: () => null,
  snapshotDamage: () => null,
  fetchFailure: () => null,
  waitsForRoom: () => false,
  space: { minFreeBytes: 50, minFreePercent: 0 },
  certificateEnds: null,
  failed: () => {},
} as const;

export function fitnessAlone(
  state: () => State,
  options: Partial<FitnessOptions> = {},
  peers: readonly PeerStatus[] = [],
) {
  const told: string[] = [];
  const logs: string[] = [];
  const unfit: Unfit[] = [];
  /** What was told to whomever, in full. */
  const conditions: Condition[] = [];
  const clock = new ManualClock();
  const room = { freeBytes: 100, totalBytes: 100 };
  const fitness = new Fitness(
    {
      clock,
      disk: { measure: () => room },
      logger: {
        enabled: () => true,
        log: (level, message, _, cause) => void logs.push(`${level} ${message} (${cause})`),
      },
      transport: {
        send: (to, message) => {
          if (message.kind !== "condition") return;
          told.push(`${to} ${message.condition.space}`);
          conditions.push(message.condition);
        },
        discover: () => Promise.reject(new Error("nobody is dialled")),
        peers: () => peers,
      },
    },
    {
      ...soundNode,
      state,
      arrive: (event) => {
        if (event.kind === "fitness") unfit.push(event.unfit);
      },
      ...options,
    },
  );
  return { fitness, clock, room, told, logs, unfit, conditions };
}
