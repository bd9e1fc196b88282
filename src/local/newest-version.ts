// A cluster for trying things out takes the code that it finds: its plugin may have changed since the last time.
import type { GraftClient } from "../client/client.ts";
import { GraftError } from "../errors.ts";

const pollMs = 100;

type RolledOut = Awaited<ReturnType<GraftClient["rollOut"]>>;

/**
 * Makes the last version of the plugin active, as soon as every node has told that it has it. Code that has changed under one number
 * stands for the code of before, which is returned: whoever tries things out vouches for that, and is to be told. Null: it stands for none.
 * Throws `GraftError` when that takes longer than `timeoutMs`, or cannot be.
 */
export async function rollOutNewest(
  client: Pick<GraftClient, "rollOut">,
  timeoutMs: number,
): Promise<RolledOut["before"]> {
  const dueMs = performance.now() + timeoutMs;
  for (;;) {
    const asked = await client.rollOut({ dryRun: true, timeoutMs });
    const { plugin, before } = asked;
    const replaces = before?.version === plugin.version;
    if (replaces && before.hash === plugin.hash) return null;
    const { version } = plugin;
    const { refusal } = replaces ? await client.rollOut({ version, replaces, dryRun: true, timeoutMs }) : asked;
    if (refusal === null) {
      await client.rollOut({ version, replaces, timeoutMs });
      return replaces ? before : null;
    }
    if (performance.now() > dueMs) throw new GraftError("rejected", refusal, { subject: "rollOut" });
    await Bun.sleep(pollMs);
  }
}
