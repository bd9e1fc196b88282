// Damage to the disk of one of three compiled nodes, live and under load: one run of each kind that bench/live-damage.ts repeats with
// other seeds. A run that fails names its seed.
import { expect, test } from "bun:test";
import { damageFiles } from "../../bench/live-damage/damaged-files.ts";
import { forgottenVote } from "../../bench/live-damage/forgotten-vote.ts";
import { lostTail } from "../../bench/live-damage/lost-tail.ts";
import { type Outcome, runOnce } from "../../bench/live-damage/run-once.ts";
import { binary } from "./test-cluster.ts";

const limitMs = 300_000;
const options = { graft: binary, keep: null };
const isAsItMustBe = { end: expect.stringMatching(/^(inStep|refused)$/), violations: [], error: null };

test(
  "P46, P59: a node whose WAL is damaged while another is away loses no acknowledged command and is in step again",
  async () => {
    expect(await runOnce(lostTail, 100, options)).toMatchObject({ ...isAsItMustBe, wasRefilled: true });
  },
  limitMs,
);

test(
  "P61: a vote that has rotten in the WAL makes no second leader in its term",
  async () => {
    expect(await runOnce(forgottenVote, 501, options)).toMatchObject({ ...isAsItMustBe, wasRefilled: true });
  },
  limitMs,
);

test(
  "P35: damage to database, snapshots and mark of a cluster under load gives no wrong answer",
  async () => {
    const outcomes: Outcome[] = [];
    for await (const outcome of damageFiles(1, 6, options)) outcomes.push(outcome);
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining(isAsItMustBe)));
  },
  limitMs,
);
