// `graft execute query`: asks the state machine. The answer includes every command that was acknowledged before,
// or says how old it is at the most.
import { command } from "./command.ts";
import { execute, executeDetails, executeFlags, readingFlags } from "./execute.ts";

export const executeQuery = command({
  summary: "Send the state machine a query",
  details: [
    "The answer includes every command that was acknowledged before the query, unless --consistency stale allows an older state.",
    ...executeDetails,
  ],
  args: {
    op: {
      type: "positional",
      required: false,
      description: "the query, such as get; not with a raw state machine, nor where there is only one",
    },
    input: { type: "positional", required: false, description: "JSON for a typed state machine, text for a raw one" },
    ...readingFlags,
    ...executeFlags,
  },
  repeatable: ["file"],
  optionalValue: ["stdin"],
  examples: [
    [`graft execute query get '{"key":"a"}'`, "kv: the value of a key"],
    [`graft execute query get '{"key":"picture"}' --out cat.jpg`, "kv: write the bytes to a file"],
    [`graft execute query list '{"prefix":"user/"}' --json`, "kv: print keys as JSON, for a script"],
    [`graft execute query get '{"key":"a"}' --consistency stale --max-staleness 2s`, "from any node, at most 2 s old"],
    [`graft execute query "SELECT * FROM users"`, "sql: rows"],
    [`graft execute query value`, "counter, a raw state machine that gives every query the same answer"],
  ],
  run: (args, context) => execute("query", args, context),
});
