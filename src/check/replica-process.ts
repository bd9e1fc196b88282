// Starts another process that plays the same steps, and asks it. All that is different there is what a replica on another machine would have
// different, too.
import { tmpdir } from "node:os";
import type { PluginLocation } from "../adapters/plugin/loader.ts";
import { removeAtExit } from "../adapters/plugin/temporary-state.ts";
import type { Host } from "./hosts.ts";
import { type PlayedThere, type PlayThere, replicaVariable } from "./replica.ts";
import { remedies } from "./remedies.ts";
import type { Fault, Played, Step } from "./transcript.ts";

export interface ReplicaOptions {
  /** How the program is called that serves as the other process (replica.ts). */
  readonly program: readonly string[];
  readonly location: PluginLocation;
  /** Whether it has another environment, working folder, time zone and locale, and loads modules in another order. */
  readonly isElsewhere: boolean;
}

/** The steps have been played here in far less. */
const patienceMs = 60_000;

const environmentElsewhere = {
  TZ: "Pacific/Chatham",
  LANG: "tr_TR.UTF-8",
  LC_ALL: "tr_TR.UTF-8",
  HOME: tmpdir(),
  USER: "elsewhere",
  HOSTNAME: "elsewhere",
};

interface Waiting {
  readonly resolve: (played: PlayedThere | null) => void;
}

/** One request at a time. */
export class ReplicaProcess {
  readonly #options: ReplicaOptions;
  readonly #child: Bun.Subprocess<"ignore", "ignore", "ignore">;
  readonly #ready = Promise.withResolvers<void>();
  #waiting: Waiting | null = null;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { program, isElsewhere } = options;
    this.#child = Bun.spawn([...program], {
      stdio: ["ignore", "ignore", "ignore"],
      serialization: "advanced",
      cwd: isElsewhere ? tmpdir() : process.cwd(),
      env: { ...process.env, ...(isElsewhere ? environmentElsewhere : {}), [replicaVariable]: "1" },
      ipc: (message: PlayedThere | "ready") => {
        if (message === "ready") this.#ready.resolve();
        else this.#answered(message);
      },
      onExit: () => {
        this.#ready.resolve();
        this.#answered(null);
      },
    });
    removeAtExit(this.#child.pid);
  }

  async play(host: Host, steps: readonly Step[]): Promise<Played> {
    await this.#ready.promise;
    const { location, isElsewhere } = this.#options;
    const { promise, resolve } = Promise.withResolvers<PlayedThere | null>();
    this.#waiting = { resolve };
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve(null);
    else this.#child.send({ host, location, steps, isReversed: isElsewhere } satisfies PlayThere);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    const played = await promise;
    clearTimeout(timer);
    if (played === null) return { kind: "fault", fault: gone(steps) };
    return played.kind === "failed" ? { kind: "fault", fault: notLoaded(played.message) } : played;
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }

  #answered(played: PlayedThere | null): void {
    this.#waiting?.resolve(played);
    this.#waiting = null;
  }
}

const gone = (steps: readonly Step[]): Fault => ({
  rule: "another process that plays the same steps ends, or does not return within a minute",
  step: steps.length === 0 ? null : steps.length - 1,
  lines: [],
  field: null,
  remedy: remedies.place(null),
  stack: null,
});

const notLoaded = (message: string): Fault => ({
  rule: "the plugin does not load in another process, where modules are loaded in another order",
  step: null,
  lines: [message],
  field: null,
  remedy: remedies.place(null),
  stack: null,
});
