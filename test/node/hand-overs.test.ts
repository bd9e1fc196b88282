// Each who asks for a hand-over hears what became of its own request, whatever the leader has in mind meanwhile.
import { expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { type HandOver, HandOvers } from "../../src/node/hand-overs.ts";
import { asLeader, effectsOf, leader, take } from "../core/build.ts";
import { accepted, append, from, genesisOf, n1, n2, n3, requestVote, tick, type Untimed } from "../core/say.ts";

const members = genesisOf(n1, n2, n3).members.map((member) => ({ ...member, priority: member.key === n3 ? 1 : 0 }));

/** n1 leads and prefers n3; the core answers at once. */
class Setting {
  state: State = leader({ log: [1], configuration: { members } });
  readonly answers: string[] = [];
  readonly #handOvers = new HandOvers(
    () => this.state,
    (event) => this.step(event),
  );

  step(event: Untimed, afterMs = 0): void {
    const [after, effects] = take(this.state, event, this.state.nowMs + afterMs);
    this.state = after;
    for (const settled of effectsOf(effects, "transferSettled")) this.#handOvers.settle(settled);
  }

  ask(name: string, to: string | null): void {
    const note = (outcome: HandOver): void => void this.answers.push(`${name} ${outcome.kind}`);
    void this.#handOvers.ask(to).then(note);
  }

  goHome(): void {
    for (let turn = 0; turn < 400 && asLeader(this.state).transfer === null; turn++) {
      this.step(tick, 50);
      for (const key of [n2, n3]) this.step(from(key, accepted(2, 2, asLeader(this.state).round)));
    }
    expect(asLeader(this.state).transfer).toMatchObject({ target: n3, ref: null });
  }
}

test("also while the leader hands over on its own idea, for which nobody waits", async () => {
  const setting = new Setting();
  setting.goHome();
  setting.ask("first", "n1");
  setting.ask("second", "n9");
  await Promise.resolve();
  expect(setting.answers).toEqual(["first done", "second unknownTarget"]);
  setting.ask("third", "n2");
  setting.ask("fourth", "n3");
  setting.ask("fifth", null);
  setting.step(tick, 501);
  await Promise.resolve();
  expect(setting.answers.slice(2)).toEqual(["fourth busy", "third timedOut", "fifth timedOut"]);
});

test("to a named node: done when that one leads; to any: done when another node leads, whichever it is", async () => {
  const cases = [
    { to: "n2", leader: n2, answer: "done" },
    { to: "n2", leader: n3, answer: "elsewhere" },
    { to: null, leader: n3, answer: "done" },
  ] as const;
  for (const { to, leader: next, answer } of cases) {
    const setting = new Setting();
    setting.step(from(n2, accepted(2, 2, 1)));
    setting.ask("first", to);
    setting.step(from(n2, requestVote(3, setting.state.log.last, true)));
    setting.ask("second", "n2");
    await Promise.resolve();
    expect(setting.answers).toEqual(["second notLeader"]);
    setting.step(from(next, append({ term: 3, prev: setting.state.log.last })));
    await Promise.resolve();
    expect(setting.answers).toEqual(["second notLeader", `first ${answer}`]);
  }
});

test("to any node: also while this one has given up leadership, and nobody has shown yet that it leads", async () => {
  const setting = new Setting();
  setting.step(from(n2, accepted(2, 2, 1)));
  setting.ask("first", null);
  setting.step(from(n2, requestVote(3, setting.state.log.last, true)));
  setting.ask("second", null);
  setting.step(from(n2, append({ term: 3, prev: setting.state.log.last })));
  await Promise.resolve();
  expect(setting.answers).toEqual(["first done", "second done"]);
});

test("when the node ends everybody is told, and who asks later is not left to wait", async () => {
  const asked: unknown[] = [];
  const state = leader({ log: [1] });
  const handOvers = new HandOvers(
    () => state,
    (event) => void asked.push(event),
  );
  const [first, second] = [handOvers.ask("n2"), handOvers.ask("n3")];
  handOvers.end();
  expect([await first, await second]).toEqual([{ kind: "nodeEnded" }, { kind: "nodeEnded" }]);
  expect(await handOvers.ask("n2")).toEqual({ kind: "notLeader", leader: null });
  expect(asked).toHaveLength(2);
});
