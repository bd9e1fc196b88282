// What clients ask of a plugin that the simulation knows nothing of: operations that are drawn. The answers have to keep to the order in
// which the clients saw things happen (§6.3), and to be those of the nodes.
import type { GraftClient } from "../client/client.ts";
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import type { LogIndex } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import type { Outcome } from "../ports/state-machine.ts";
import type { Agreement } from "./agreement.ts";
import type { Chance } from "./chance.ts";
import { describeAnswer, describeOutcome, describePayload } from "./describe-payload.ts";
import { type Drawing, drawOver } from "./draw-input.ts";
import type { HowFar } from "./how-far.ts";
import type { Asker, Load } from "./workload.ts";

export interface AnyLoadOptions {
  readonly plugin: Plugin;
  readonly drawing: Drawing;
  readonly agreement: Agreement;
  readonly nowMs: () => number;
  readonly howFar: HowFar;
  readonly violated: (what: string) => void;
  readonly trace: (sentence: string) => void;
}

/** How many of the operations are commands. */
const commandShare = 0.6;

export class AnyLoad implements Load {
  readonly #chance: Chance;
  readonly #options: AnyLoadOptions;
  /** The last index that a client has been told of. */
  #answered: LogIndex = 0;
  commands = 0;
  /** Commands of which a client has the result. */
  applied = 0;
  /** Commands that the state machine has refused. */
  rejections = 0;

  constructor(chance: Chance, options: AnyLoadOptions) {
    this.#chance = chance;
    this.#options = options;
  }

  async operate(client: GraftClient, asker: Asker): Promise<GraftError | null> {
    const { drawing, plugin, trace } = this.#options;
    const draw = drawOver(this.#chance);
    const query = this.#chance.happens(commandShare) ? null : drawing.payload("query", draw);
    const payload = query ?? drawing.payload("command", draw)!;
    const asked = `${query === null ? "the command" : "the query"} ${describePayload(plugin.style, payload)}`;
    if (query === null) this.commands++;
    trace(`${asker.name} sends ${asked}`);
    try {
      const answer = query === null ? this.#command(client, asker, payload) : this.#query(client, asker, payload);
      trace(`${asker.name} has the answer to ${asked}: ${describeAnswer(plugin.style, await answer)}`);
      if (query === null) this.#commanded("applied", asker);
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      trace(`${asker.name} is told of ${asked}: ${error.message}`);
      // That is an answer.
      if (error.code !== "rejected") return error;
      if (query === null) this.#commanded("rejections", asker);
      return null;
    }
  }

  #commanded(what: "applied" | "rejections", { commanded }: Asker): void {
    this[what]++;
    commanded();
  }

  /** What one operation has to do with others is looked at when it is answered. */
  *check(): Generator<undefined, void> {}

  async #command(client: GraftClient, { name, timeoutMs }: Asker, payload: Uint8Array): Promise<Outcome> {
    const { plugin, agreement } = this.#options;
    const before = this.#answered;
    const { index, payload: result } = await client.command(payload, { timeoutMs: timeoutMs() });
    if (index <= before) this.#disordered("a command", payload, index, before);
    const outcome: Outcome = { kind: "ok", payload: result };
    agreement.compare("outcome", index, name, describeOutcome(plugin.style, outcome));
    this.#answered = Math.max(this.#answered, index);
    return outcome;
  }

  async #query(client: GraftClient, { timeoutMs }: Asker, payload: Uint8Array): Promise<Outcome> {
    const { nowMs, howFar } = this.#options;
    const [before, beganMs] = [this.#answered, nowMs()];
    const { index, payload: result } = await client.query(payload, { timeoutMs: timeoutMs() });
    if (index < before) this.#disordered("a query", payload, index, before);
    howFar.answered(beganMs, index);
    this.#answered = Math.max(this.#answered, index);
    return { kind: "ok", payload: result };
  }

  #disordered(what: string, payload: Uint8Array, index: LogIndex, before: LogIndex): void {
    const { plugin, violated } = this.#options;
    const asked = describePayload(plugin.style, payload);
    violated(`${what} misses what was answered before it began\n  ${asked}\n  answered at ${index}, after ${before}`);
  }
}
