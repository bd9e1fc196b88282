// `graft execute command`: has the state machine apply a command, on every node.
import { command } from "./command.ts";
import { execute, executeDetails, executeFlags } from "./execute.ts";

export const executeCommand = command({
  summary: "Send the state machine a command",
  details: [
    "The answer comes when a majority has the command on disk and the state machine has applied it.",
    ...executeDetails,
  ],
  args: {
    op: {
      type: "positional",
      required: false,
      description: "the command, such as put; not with a raw state machine, nor where there is only one",
    },
    input: { type: "positional", required: false, description: "JSON for a typed state machine, text for a raw one" },
    ...executeFlags,
  },
  repeatable: ["file"],
  optionalValue: ["stdin"],
  examples: [
    [`graft execute command put '{"key":"a","value":"1"}'`, "kv: set a key"],
    [`graft execute command put '{"key":"picture"}' --file value=cat.jpg`, "kv: a value that is a file"],
    [`tar c folder | graft execute command put '{"key":"backup"}' --stdin=value`, "kv: a value from a pipe"],
    ["graft execute command --file demo.sql", "sql: a script"],
    [`graft execute command 'add 5'`, "counter, a raw state machine"],
  ],
  run: (args, context) => execute("command", args, context),
});
