// Damage to the disk of one of three compiled nodes, live and under load: one run of each kind that bench/live-damage.ts repeats with
// other seeds. A run that fails names its seed.
import { expect, test } from "bun:test";
import { forgottenVote } from "../../bench/live-damage/forgotten-vote.ts";
import { lostTail } from "../../bench/live-damage/lost-tail.ts";
import { runOnce } from "../../bench/live-damage/run-once.ts";
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
