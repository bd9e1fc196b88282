// Which flags does every command have? How its answer is given, and how much is said beside it.
import type { ArgsDef } from "citty";

export const answerFlags = {
  json: { type: "boolean", description: "print the answer as one JSON document" },
  quiet: { type: "boolean", description: "print only the answer and errors" },
  verbose: { type: "boolean", description: "print more, such as where an error comes from" },
} as const satisfies ArgsDef;
