// A leader that is asked to change the members: what newcomers are found to be, and what it does, are the test's.
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { ChangeOutcome, MembershipChange } from "../../src/core/membership-change.ts";
import type { Leader } from "../../src/core/roles.ts";
import type { State } from "../../src/core/state.ts";
import { onChangeRequest } from "../../src/node/change-request.ts";
import type { HandOver } from "../../src/node/hand-overs.ts";
import type { Verdict } from "../../src/node/reaching.ts";
import type { ReplyError } from "../../src/node/waiting-clients.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { leader } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

export const reachable: Extract<Verdict, { readonly kind: "reachable" }> = {
  kind: "reachable",
  incarnation: "new",
  unasked: [],
  undialledBy: [],
  isHidden: false,
};

interface World {
  state: State;
  refusal: ReplyError | null;
  readonly verdicts: Record<string, Verdict>;
  outcome: ChangeOutcome;
  handed: HandOver;
  /** When the newcomers have been tried. */
  tried: Promise<void>;
}

interface Followers {
  readonly silent?: readonly MemberKey[];
  readonly matched?: Readonly<Record<string, number>>;
  readonly priorities?: Readonly<Record<string, number>>;
}

/** A leader that has just heard everyone but those named, with these entries and priorities. */
export function leading({ silent = [], matched = {}, priorities = {} }: Followers = {}) {
  const state = leader({ members: [n1, n2, n3, n4] });
  const role = state.role as Leader;
  const nowMs = state.nowMs + 20_000;
  const progress = new Map(
    [...role.progress].map(([key, each]) => {
      const heardMs = silent.includes(key) ? nowMs - state.settings.electionTimeoutMs : nowMs;
      return [key, { ...each, heardMs, ackedRound: 1, matchIndex: matched[nodeIdOf(key)] ?? 0 }] as const;
    }),
  );
  const configurations = state.log.configurations.map((placed) => ({
    ...placed,
    configuration: {
      ...placed.configuration,
      members: placed.configuration.members.map((member) => ({
        ...member,
        priority: priorities[nodeIdOf(member.key)] ?? 0,
      })),
    },
  }));
  return { ...state, nowMs, log: { ...state.log, configurations }, role: { ...role, progress } };
}

export function setUp(more: Partial<World> = {}) {
  const clock = new ManualClock();
  const did: unknown[][] = [];
  const replies: ClientReply[] = [];
  const world: World = {
    state: leading(),
    refusal: null,
    verdicts: {},
    outcome: { kind: "done", index: 9 },
    handed: { kind: "done" },
    tried: Promise.resolve(),
    ...more,
  };
  const node = {
    get state() {
      return world.state;
    },
    get refusalOfChanges() {
      return world.refusal;
    },
    clock,
    membership: {
      reach: async ({ id, address }: { id: string; address: string }, judges: readonly MemberKey[]) => {
        did.push(["reach", id, address, ...judges.map(nodeIdOf)]);
        await world.tried;
        return world.verdicts[id] ?? reachable;
      },
      change: async (change: MembershipChange, expectedIndex: number | null) => {
        did.push(["change", change, expectedIndex]);
        return world.outcome;
      },
      untilAnswered: async (answered: Promise<void>) => {
        await answered;
        did.push(["answered", replies.length]);
      },
    },
    transfer: async (to: string | null) => {
      did.push(["transfer", to]);
      return world.handed;
    },
  };
  const ask = async (
    change: Partial<RequestedChange>,
    { expectedIndex = null, dryRun = false }: { expectedIndex?: number | null; dryRun?: boolean } = {},
  ): Promise<ClientReply | undefined> => {
    const all = { add: [], promote: [], demote: [], remove: [], prioritize: [], ...change };
    const request = { kind: "changeMembership", id: 7, change: all, expectedIndex, dryRun, timeoutMs: 1_000 } as const;
    void onChangeRequest(node, request, (reply) => void replies.push(reply));
    await afterMicrotasks();
    return replies.at(-1);
  };
  return { world, clock, did, replies, ask, changes: () => did.filter(([kind]) => kind === "change") };
}
