// Copies of the state machine are compared on the compiled binary: one whose memory is changed is named, replaced, and in step again.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../src/adapters/cbor/value.ts";
import { GraftError } from "../../src/errors.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

/** A counter. The query "flip" changes the state of the one node that answers it, as a failing memory would. */
const source = `
  import { defineStateMachine, v } from "graft";
  export default defineStateMachine({
    name: "counter-with-a-flaw",
    version: "1",
    create: () => ({ value: 0 }),
    commands: { bump: { input: v.null(), apply: (state) => ++state.value } },
    queries: {
      get: { input: v.null(), answer: ({ value }) => value },
      flip: { input: v.null(), answer: (state) => (state.value += 1_000_000) },
    },
    snapshot: (state) => [state],
    restore: (state, { value }) => void (state.value = value),
  });`;

const every = 1024;
/** The result of a command without a session is compared at each such index. */
const hashedEvery = 32;
const payloadOf = (operation: "bump" | "get" | "flip"): Uint8Array => encodeValue([operation, null]);
const numberIn = ({ payload }: { readonly payload: Uint8Array }): number => Number(decodeValue(payload));

let folder: string;
let cluster: TestCluster;
beforeEach(async () => {
  folder = await temporaryFolder();
  const plugin = join(folder, "counter.ts");
  await writeFile(plugin, source);
  cluster = await TestCluster.start({ plugin });
});
afterEach(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

/** What the copy of one node says. */
async function stale(id: string, operation: "get" | "flip" = "get"): Promise<number> {
  const client = cluster.connect([cluster.node(id).address], { readFrom: "any" });
  return numberIn(await client.query(payloadOf(operation), { consistency: "stale" }));
}

async function commands(count: number): Promise<void> {
  let left = count;
  const send = async (): Promise<void> => {
    while (left-- > 0) await cluster.client.command(payloadOf("bump")).catch(mustBeOfWrongLeader);
  };
  await Promise.all(Array.from({ length: 64 }, send));
}

/** What the log had when its leader was found wrong is done by the others. Without a session nobody can ask them. */
function mustBeOfWrongLeader(error: unknown): void {
  if (!(error instanceof GraftError) || error.code !== "outcome-unknown") throw error;
}

const problemOf = async (id: string): Promise<string | null> => {
  const { nodes } = await cluster.view();
  return nodes.find((node) => node.id === id)?.problem ?? null;
};

/** The range that the node has named in its log; null: it has named none. */
function rangeIn(id: string): { readonly first: number; readonly last: number } | null {
  const found = /not to be trusted.*entries (\d+) to (\d+) differ from what a majority has/.exec(cluster.logOf(id));
  return found === null ? null : { first: Number(found[1]), last: Number(found[2]) };
}

/** The first command that the node has named as one whose outcome differs; null: it has named none. */
function firstIn(id: string): number | null {
  const found = /the first outcome that differs.*index\W+(\d+).*operation\W+bump/.exec(cluster.logOf(id));
  return found === null ? null : Number(found[1]);
}

test.each(["a follower", "the leader"])(
  "a flipped state in the memory of %s is named within 2,048 entries, and replaced",
  async (which) => {
    await commands(every + 200);
    const [follower = ""] = await cluster.followers();
    const wrong = which === "the leader" ? await cluster.leader() : follower;
    await cluster.caughtUp();
    const { commitIndex } = await cluster.view();
    expect(await stale(wrong, "flip")).toBeGreaterThan(1_000_000);
    await commands(2 * every);
    const { first, last } = await until("it is named", () => rangeIn(wrong));
    expect(first).toBeLessThanOrEqual(commitIndex + 1);
    expect(last).toBeGreaterThan(commitIndex);
    expect(last).toBeLessThanOrEqual(commitIndex + 2 * every);
    const named = await until("it names the command", () => firstIn(wrong));
    expect(named).toBeGreaterThan(commitIndex);
    expect(named).toBeLessThanOrEqual(commitIndex + 2 * hashedEvery);
    await until("it has come by another state", async () => (await problemOf(wrong)) === null);
    await cluster.caughtUp();
    const value = numberIn(await cluster.client.query(payloadOf("get")));
    expect(value).toBeLessThan(1_000_000);
    for (const { id } of cluster.layout.nodes) expect(await stale(id)).toBe(value);
    // The copies agree again, also that of the node that was wrong.
    await commands(every);
    const agrees = async (): Promise<boolean> => ((await cluster.view()).agreesThrough ?? 0) > last;
    await until("the copies agree beyond the range", agrees);
    expect((await cluster.graft(["cluster", "status"])).stdout).toMatch(/agrees through \d+/);
  },
  240_000,
);
