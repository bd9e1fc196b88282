// The thread that a state machine lives on: an entry point of its own in the compiled binary. It is told which plugin to load,
// then gets packed runs and queries and answers each in turn. Its other half is worker-host.ts.
import { createExecutor, type Executor } from "./executor.ts";
import { loadPlugin, type PluginLocation, startFailure } from "./loader.ts";
import { packOutcomes, unpackRequest } from "./run-layout.ts";
import type { FromWorker, Load } from "./worker-messages.ts";

declare const self: Worker;

let executor: Executor | null = null;

// Before anything is awaited: what arrives while there is no handler is lost.
self.onmessage = ({ data }: MessageEvent<Load | ArrayBuffer>) => {
  if (!(data instanceof ArrayBuffer)) void load(data.location);
  else if (executor !== null) answer(executor, data);
};

async function load(location: PluginLocation): Promise<void> {
  try {
    const plugin = await loadPlugin(location);
    try {
      executor = createExecutor(plugin);
    } catch (cause) {
      throw startFailure(location, cause);
    }
    send({ kind: "loaded", description: executor.description });
  } catch (error) {
    send({ kind: "loadFailed", ...told(error) });
  }
}

function answer(running: Executor, packed: ArrayBuffer): void {
  const request = unpackRequest(packed);
  try {
    const outcomes =
      request.kind === "apply"
        ? request.run.map((command) => running.apply(command))
        : [running.query(request.payload)];
    const reply = packOutcomes(outcomes);
    send(reply, [reply]);
  } catch (error) {
    if (request.kind === "query") return send({ kind: "queryFailed", ...told(error) });
    executor = null; // What is still in the queue stands on an entry that was not applied.
    send({ kind: "stopped", ...told(error) });
  }
}

function told(error: unknown): { readonly message: string; readonly stack: string } {
  if (!(error instanceof Error)) return { message: String(error), stack: "" };
  const origin = error.cause instanceof Error ? error.cause : error;
  return { message: error.message, stack: origin.stack ?? "" };
}

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, transfer);
}
