// `graft start --config FILE`: one node in the foreground, until it is told to stop or cannot go on.
import { composeLogger, composeNode } from "../compose.ts";
import { loadConfig } from "../config/config.ts";
import { loadNodeCredentials } from "../config/credentials.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { checked } from "./explain-error.ts";
import { runToItsEnd } from "./run-node.ts";

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
    "The log goes to standard error. SIGTERM and SIGINT stop the node gracefully: a leader hands leadership over first; a second\nsignal ends it at once, which loses nothing that was acknowledged, but takes the others a moment to notice.",
    "A node that has no quorum runs all the same; graft cluster status says whom it waits for. Mistakes in the file end with exit\ncode 2, all at once and each with its line; whatever else keeps the node from running ends with 1.",
    `The file says at least this; paths are relative to it:\n\n${smallestFile}`,
  ],
  args: {
    config: { type: "string", valueHint: "FILE", description: "the node's configuration file" },
    "stop-with-stdin": {
      type: "boolean",
      description: "stop gracefully when standard input ends, that is, when the parent is gone",
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
    const isAskedToStop = askedToStop(args["stop-with-stdin"] === true);
    try {
      logger.log("info", "loading plugin", { plugin: config.stateMachine.plugin });
      await runToItsEnd({
        compose: () => composeNode({ ...config, tls: { ca, cert, key }, certificateEndsAt: expiresAt }, logger),
        isAskedToStop,
        nowMs: () => performance.now(),
        log: (level, message) => logger.log(level, message),
      });
      if (output.json) await output.line(JSON.stringify({ node: config.node.id, end: "stopped" }));
    } finally {
      await logger.flush(logGraceMs);
    }
  },
});

/** Resolves with the first request; a second signal ends the process at once. */
function askedToStop(withStdin: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    if (++signals > 1) process.exit(1);
    resolve();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
  if (withStdin) {
    process.stdin.once("end", resolve);
    process.stdin.resume();
  }
  return promise;
}
