// What the commands that change the membership have in common: their flags, a dry run, waiting with news of how far it is, and
// what is said at the end. What each of them changes is in its own file.
import type { ArgsDef } from "citty";
import type { GraftClient } from "../client/client.ts";
import { faultOfChange } from "../client/faulty-names.ts";
import { type CompletedChange, pursueChange } from "../client/membership.ts";
import { GraftError } from "../errors.ts";
import { type ClusterArguments, clusterFlags, withClient } from "./cluster-access.ts";
import { fileWords, followChange } from "./follow-members.ts";
import type { Output, Paint } from "./output.ts";
import { renderTable } from "./table.ts";

type RequestedChange = Parameters<GraftClient["planMembership"]>[0];
type Plan = Awaited<ReturnType<GraftClient["planMembership"]>>;
type Members = Awaited<ReturnType<GraftClient["configuration"]>>["members"];

const defaultTimeout = "10m";
const planTimeoutMs = 15_000;
const pollMs = 300;

export const changeFlags = {
  ...clusterFlags,
  timeout: {
    ...clusterFlags.timeout,
    description: "how long to wait, such as 500ms or 2s; the change continues afterwards; default: 10m",
  },
  "dry-run": {
    type: "boolean",
    description: "change nothing; show the new quorum, tolerated failures, lag and risks",
  },
} as const satisfies ArgsDef;

interface ChangeArguments extends ClusterArguments {
  readonly "dry-run"?: boolean | undefined;
}

export interface ChangeWords {
  /** While it is waited for. */
  readonly doing: string;
  /** The node whose lag is news meanwhile; null: nobody's. */
  readonly watched: string | null;
  /** The change in words, by the members before and after it. */
  readonly done: (completed: CompletedChange) => string;
  /** What may be done now; null: nothing in particular. */
  readonly next: (completed: CompletedChange) => string | null;
}

/** Makes the change, or says what it would come to. */
export async function changeMembers(
  args: ChangeArguments,
  output: Output,
  change: RequestedChange,
  words: ChangeWords,
): Promise<void> {
  const fault = faultOfChange(change);
  if (fault !== null) throw new GraftError("usage", fault);
  return withClient(
    args,
    output,
    async ({ client, settings, timeoutMs }) => {
      if (args["dry-run"] === true) {
        const asked = client.planMembership(change, { timeoutMs: Math.min(timeoutMs, planTimeoutMs) });
        const { kind: _, id: __, ...plan } = await output.progress("asking what it would come to", asked);
        return output.answer({ dryRun: true, ...plan }, (paint) => planWords(plan, paint));
      }
      const progress = new News(client, words);
      const pursued = pursueChange(client, change, { timeoutMs });
      const completed = await output.progress(() => progress.text, pursued).finally(() => progress.stop());
      const { index, members } = completed.after;
      const body = bodyOf(members);
      const hidden = change.add.filter(({ behindNat }) => behindNat).map(({ id }) => id);
      const clientFile = followChange(settings, completed, hidden);
      const [done, next] = [words.done(completed), words.next(completed)];
      await output.answer({ changed: done, index, ...body, members, clientFile }, () =>
        [done, bodyWords(body), ...(next === null ? [] : [`next: ${next}`])].join("\n"),
      );
      const news = clientFile === null ? null : fileWords(clientFile);
      if (news !== null) await output.say(news);
    },
    defaultTimeout,
  );
}

/** How far the node that is waited for lags behind, as the leader sees it. */
class News {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #words: ChangeWords;
  #lag = "";

  constructor(client: GraftClient, words: ChangeWords) {
    this.#words = words;
    this.#timer = setInterval(() => void this.#look(client), pollMs);
  }

  get text(): string {
    return `${this.#words.doing}${this.#lag}`;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(client: GraftClient): Promise<void> {
    // What cannot be learned just now is no news; the change itself is pursued elsewhere.
    const status = await client.status(null, { timeoutMs: pollMs }).catch(() => null);
    const row = status?.nodes.find(({ id }) => id === this.#words.watched);
    if (row === undefined) return;
    this.#lag = row.lagEntries === null ? "" : `, ${row.lagEntries} entries behind,`;
  }
}

interface Body {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly quorum: number;
  readonly tolerates: number;
}

function bodyOf(members: Members): Body {
  const voters = members.filter(({ voter }) => voter).map(({ id }) => id);
  const learners = members.filter(({ voter }) => !voter).map(({ id }) => id);
  const quorum = Math.floor(voters.length / 2) + 1;
  return { voters, learners, quorum, tolerates: voters.length - quorum };
}

function bodyWords({ voters, learners, quorum, tolerates }: Body): string {
  const learning = learners.length === 0 ? "" : `; learners: ${learners.join(", ")}`;
  return `voters: ${voters.join(", ")}; ${quorum} of them decide, ${tolerates} may fail${learning}`;
}

function planWords(plan: Omit<Plan, "kind" | "id">, paint: Paint): string {
  const { before, after, nodes, risks, refusal } = plan;
  const lines = [paint("bold", "dry run: nothing was changed"), `now:   ${bodyWords(before)}`];
  if (after !== null) lines.push(`then:  ${bodyWords(after)}`);
  if (nodes.length > 0) {
    const rows = nodes.map(({ id, address, becomes, lagEntries, silentMs }) => [
      id,
      address,
      becomes,
      lagEntries?.toString() ?? "-",
      silentMs === null ? "-" : `${(silentMs / 1000).toFixed(1)} s ago`,
    ]);
    lines.push("", renderTable(["node", "address", "becomes", "lag", "heard"], rows, paint));
  }
  if (risks.length > 0) lines.push("", ...risks.map((risk) => `${paint("yellow", "!")} ${risk}`));
  if (refusal !== null) lines.push("", `${paint("red", "it would be refused:")} ${refusal}`);
  return lines.join("\n");
}
