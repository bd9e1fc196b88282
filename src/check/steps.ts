// Which steps do tapes stand for? Each tape draws a command or a query from the plugin's examples or schemas (sim/draw-input.ts).
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { describePayload } from "../sim/describe-payload.ts";
import type { Drawing } from "../sim/draw-input.ts";
import { drawFromTape, type Tape } from "./tape.ts";
import type { Step } from "./transcript.ts";

/** How many of the steps are queries. */
const queryShare = 0.3;

export function stepsOf(
  tapes: readonly Tape[],
  style: Plugin["style"],
  drawing: Pick<Drawing, "payload">,
): readonly Step[] {
  return tapes.map((tape) => {
    const draw = drawFromTape(tape);
    const query = draw.happens(queryShare) ? drawing.payload("query", draw) : null;
    const kind = query === null ? "command" : "query";
    const payload = query ?? drawing.payload("command", draw)!;
    return { kind, payload, text: `the ${kind} ${describePayload(style, payload)}` };
  });
}
