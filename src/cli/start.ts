// `graft start --config FILE`: one node in the foreground, until it is told to stop or cannot go on.
import { composeLogger, composeNode } from "../compose.ts";
import { loadConfig } from "../config/config.ts";
import { loadNodeCredentials } from "../config/credentials.ts";
import { GraftError } from "../errors.ts";
import { fatalExitCode, lastWordGraceMs, sayLastWordBy } from "../fail-stop.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { checked } from "./explain-error.ts";
import { runToItsEnd } from "./run-node.ts";
import { askedToStop } from "./stop-signals.ts";

/** How long the last log lines may take to leave, in ms. */
const logGraceMs = 1000;

const smallestFile = `  [node]
  id = "n1"
  data_dir = "data/n1"
  listen = "10.0.0.1:7401"

  [cluster]
  id = "demo"
  bootstrap = [                 # who founds the cluster: the same on every node
    { id = "n1", address = "10.0.0.1:7401" },
    { id = "n2", address = "10.0.0.2:7401" },
    { id = "n3", address = "10.0.0.3:7401" },
  ]

  [tls]                         # graft certs init makes these
  ca = "certs/ca.crt"
  cert = "certs/n1.crt"
  key = "certs/n1.key"

  [state_machine]
  plugin = "kv"                 # or the path of your own`;

export const start = command({
  summary: "Run one node in the foreground",
  details: [
    "The log goes to standard error. A log that nobody reads never stops the node. SIGTERM, SIGINT, SIGQUIT and SIGHUP stop the node gracefully: a leader hands leadership over first. A second signal, other than SIGHUP, ends the node at once. Then no acknowledged command is lost, but the other nodes notice the end a moment later. Under nohup the node ignores SIGHUP.",
    `A node without a quorum keeps running, and graft cluster status says which nodes it waits for. Exit codes: 2 for mistakes in the file, which are reported together, each with its line; 1 for anything else that keeps the node from running; ${fatalExitCode} for a bug in Graft, which the last log lines locate.`,
    `The smallest file. Paths are relative to the folder of the file:\n\n${smallestFile}`,
  ],
  args: {
    config: { type: "string", valueHint: "FILE", description: "the node's configuration file" },
    "stop-with-stdin": {
      type: "boolean",
      description: "stop gracefully when standard input ends, because the parent has ended",
    },
    ...answerFlags,
  },
  examples: [["graft start --config node.toml", "run the node that the file describes"]],
  async run(args, { output }) {
    if (args.config === undefined) throw new GraftError("usage", "which node? graft start --config FILE");
    const path = args.config;
    const config = checked(() => loadConfig(path));
    const { ca, cert, key, expiresAt } = checked(() => loadNodeCredentials(config));
    const logger = composeLogger(output.verbose ? { ...config.log, level: "debug" } : config.log);
    sayLastWordBy((error) => logger.logLast(lastLines(error), lastWordGraceMs));
    output.sayErrorsBy((message) => {
      logger.log("error", message);
      return logger.flush(logGraceMs);
    });
    const isAskedToStop = Promise.race([
      askedToStop(),
      ...(args["stop-with-stdin"] === true ? [standardInputEnds()] : []),
    ]);
    try {
      const { plugin, commands } = config.stateMachine;
      logger.log("info", "loading plugin", {
        plugin: (commands?.map((words) => words.join(" ")) ?? plugin).join(", "),
      });
      await runToItsEnd({
        compose: () => composeNode({ ...config, tls: { ca, cert, key }, certificateEndsAt: expiresAt }, logger),
        isAskedToStop,
        nowMs: () => performance.now(),
        log: (level, message) => logger.log(level, message),
      });
      // A reader that is stuck does not keep a node that has ended.
      const answered = output.json ? output.offer(JSON.stringify({ node: config.node.id, end: "stopped" })) : null;
      await Promise.race([answered, Bun.sleep(logGraceMs)]);
    } finally {
      await logger.flush(logGraceMs);
    }
  },
});

/** One that cannot be read has ended too. */
function standardInputEnds(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.once("end", resolve);
  process.stdin.on("error", () => resolve());
  process.stdin.resume();
  return promise;
}

/** What the log says when something was thrown that nothing expects. The reason comes last, since a long line is cut. */
function lastLines(error: Error): readonly string[] {
  const frames = (error.stack ?? "").split("\n").flatMap((line) => /^\s*at (.*)$/.exec(line)?.[1] ?? []);
  return [
    `thrown at ${frames.join(" < ")}`,
    "the node ends at once, by a mistake in Graft; nothing that was acknowledged is lost; start it again, and report this line " +
      `and the one before: ${error.name}: ${error.message}`,
  ];
}
