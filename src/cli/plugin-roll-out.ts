// `graft plugin roll-out`: makes another version of the state machine active on every node, at one entry of the log; or says what that
// would come to.
import type { GraftClient, RollOutOptions } from "../client/client.ts";
import { versionWords } from "../core/activation.ts";
import { GraftError } from "../errors.ts";
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";

type RolledOut = Awaited<ReturnType<GraftClient["rollOut"]>>;

export const pluginRollOut = command({
  summary: "Make another version of the plugin active",
  details: [
    "First put the new version beside the old one on each node: [state_machine] plugin takes a list of paths, or a folder that holds the versions, and command a list of programs. Restart the nodes one after the other. Then roll the version out: the old version applies each command before one entry of the log, and the new one each command behind it, on every node. The new version takes over the state by its migrate, or by its restore.",
    "A voter that does not have the version is named, and nothing changes. To go back, roll the old version out again. Only clients listed in [access] admins may roll versions out.",
  ],
  args: {
    version: {
      type: "positional",
      required: false,
      description: "as the plugin calls it; default: the last one of those that the leader has",
    },
    "dry-run": { type: "boolean", description: "change nothing; show what is active, and what stands in the way" },
    force: {
      type: "boolean",
      description:
        "for other code of a version that has been active: it does the same with every command that was applied, and stands for the old code",
    },
    ...clusterFlags,
  },
  examples: [
    ["graft plugin roll-out --dry-run", "which version is active, and which one would be"],
    ["graft plugin roll-out 2.0.0", "make version 2.0.0 active"],
  ],
  async run(args, { output }) {
    await withClient(args, output, async ({ client, timeoutMs }) => {
      const dryRun = args["dry-run"] === true;
      const options = { version: args.version ?? null, replaces: args.force === true, timeoutMs };
      const doing = dryRun ? "asking what it would come to" : "rolling the version out";
      const work = dryRun ? client.rollOut({ ...options, dryRun }) : rollOut(client, options);
      const { kind: _, id: __, index, refusal, ...versions } = await output.progress(doing, work);
      if (dryRun) return output.answer({ dryRun: true, ...versions, refusal }, () => planWords(versions, refusal));
      await output.answer({ ...versions, index }, () => doneWords(versions, index));
    });
  },
});

/** Which version is meant is settled once: a leader that comes meanwhile may have another one for its last. */
async function rollOut(client: GraftClient, options: RollOutOptions): Promise<RolledOut> {
  const { plugin, refusal } = await client.rollOut({ ...options, dryRun: true });
  if (refusal !== null) throw new GraftError("rejected", refusal, { subject: "rollOut" });
  return client.rollOut({ ...options, version: plugin.version });
}

type Versions = Pick<RolledOut, "plugin" | "before">;

const isSame = ({ plugin, before }: Versions): boolean =>
  before !== null && before.version === plugin.version && before.hash === plugin.hash;

function planWords(versions: Versions, refusal: string | null): string {
  const { plugin, before } = versions;
  if (isSame(versions)) return `${versionWords(plugin)} is active already`;
  const active = before === null ? "no version is active yet" : `active now: ${versionWords(before)}`;
  const next = refusal === null ? `would become active: ${versionWords(plugin)}` : `not possible now: ${refusal}`;
  return `${active}\n${next}`;
}

const doneWords = (versions: Versions, index: number | null): string =>
  isSame(versions)
    ? `${versionWords(versions.plugin)} is active, as before`
    : `${versionWords(versions.plugin)} is active since entry ${index}`;
