// When is a peer dialled? While there is no connection with it: at once after one that had held, and otherwise after waits
// that double up to a bound. It remembers in words why the last attempt failed.
import type { Clock, Timer } from "../../ports/clock.ts";
import type { DialFailure } from "./greeting.ts";
import type { Link } from "./link.ts";
import type { TransportLimits } from "./limits.ts";

/**
 * A connection that had held is renewed by attempts that follow each other more closely at first: while a process ends, its
 * port may still take a connection that nobody will answer, and that it has ended is to be known at once.
 */
const quickAttempts = 3;
/** A connection that lasted this long, in ms, had held. */
const heldMs = 200;

export interface PeerDiallerOptions {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly isConnected: () => boolean;
  /** Begins an attempt, which ends in `succeeded` or `failed`. */
  readonly attempt: (address: string) => Link;
  /** Called when the reason is another than that of the attempt before. `address` is where the attempt went. */
  readonly onReason: (failure: DialFailure, address: string) => void;
}

export class PeerDialler {
  address: string;
  readonly #options: PeerDiallerOptions;
  #state: "idle" | "waiting" | "dialling" | "stopped" = "idle";
  #timer: Timer | null = null;
  #link: Link | null = null;
  /** Where the last attempt went: `address` may have changed since. */
  #attempted = "";
  #failures = 0;
  #reason: string | null = null;

  constructor(address: string, options: PeerDiallerOptions) {
    this.address = address;
    this.#options = options;
  }

  /** Why the peer cannot be reached; null before the first failure. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Dials now unless there is a connection or an attempt under way. */
  dial(): void {
    if (this.#state === "dialling" || this.#state === "stopped" || this.#options.isConnected()) return;
    this.#timer?.cancel();
    this.#state = "dialling";
    this.#attempted = this.address;
    this.#link = this.#options.attempt(this.#attempted);
  }

  /**
   * The connection ended after `livedMs`. One that had held is renewed at once; one that broke at once counts as a failure,
   * so that two nodes that disagree do not dial each other in a circle.
   */
  lost(reason: string, livedMs: number): void {
    this.#reason = reason;
    if (livedMs < heldMs) {
      if (this.#state === "idle") this.#wait();
      return;
    }
    // Also when an attempt of before is about to be repeated: whether the peer's process has ended is to be known at once.
    this.#failures = -quickAttempts;
    this.dial();
  }

  /** A connection stands, whoever dialled it: what was to be tried again need not be. */
  connected(): void {
    if (this.#state !== "waiting") return;
    this.#timer?.cancel();
    this.#state = "idle";
  }

  succeeded(): void {
    this.#state = "idle";
    this.#link = null;
    this.#reason = null;
  }

  failed({ reason, cause }: DialFailure): void {
    if (this.#state !== "dialling") return;
    this.#link = null;
    this.#state = "idle";
    if (this.#options.isConnected()) return;
    if (reason !== this.#reason) this.#options.onReason({ reason, cause }, this.#attempted);
    this.#reason = reason;
    this.#wait();
  }

  stop(): void {
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#link?.drop("no longer wanted");
  }

  #wait(): void {
    const { clock, limits } = this.#options;
    const fullMs = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** Math.min(this.#failures, 16));
    const chance = (clock.randomBytes(1)[0] ?? 0) / 256;
    this.#failures += 1;
    this.#state = "waiting";
    this.#timer = clock.at(clock.nowMs() + fullMs * (1 - chance / 2), () => {
      this.#state = "idle";
      this.dial();
    });
  }
}
