// Which flags does every command have? How its answer is given, and how much is said beside it.
import type { ArgsDef } from "citty";

export const answerFlags = {
  json: { type: "boolean", description: "answer with one JSON document on standard output" },
  quiet: { type: "boolean", description: "say nothing but the answer and errors" },
  verbose: { type: "boolean", description: "say more, such as where an error comes from" },
} as const satisfies ArgsDef;
