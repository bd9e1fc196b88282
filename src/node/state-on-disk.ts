// What does a node do with the state that its state machine keeps on disk? After a restart the node continues with that state, or restores another one.
// While it runs, the node has the disk say who made the state, so that a state which is found wrong is not used by a later life.
import type { Incarnation } from "../core/configuration.ts";
import type { State } from "../core/state.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { HeldState, StateMachine } from "../ports/state-machine.ts";
import { whyNotHeld } from "./held-state.ts";
import { toError } from "./node-end.ts";
import type { CopySource } from "./own-copy.ts";

export interface StateOnDiskOptions {
  readonly stateMachine: Pick<StateMachine, "isDurable" | "recall" | "forget" | "setOrigin" | "versions">;
  readonly store: Pick<LogStore, "saved">;
  readonly logger: Logger;
  readonly state: () => State;
  /** The state machine continues with this state. */
  readonly begun: (source: CopySource) => void;
}

export class StateOnDisk {
  readonly #options: StateOnDiskOptions;

  constructor(options: StateOnDiskOptions) {
    this.#options = options;
  }

  /**
   * What the state machine has kept on disk, where it may go on with that; null: it begins with the snapshot, or empty. Rejects when the state machine has
   * stopped. `mayKeep` false once the disk has been read: whatever it is, it is thrown away.
   */
  async recall(mayKeep: () => boolean): Promise<HeldState | null> {
    const { stateMachine, store, logger, state, begun } = this.#options;
    const { incarnation } = store.saved;
    const { held, damage } = await stateMachine.recall(incarnation);
    for (const what of damage) logger.log("error", what);
    if (held === null) return null;
    const { index: through } = held.reached;
    const holder = { incarnation, state: state(), versions: stateMachine.versions };
    const reason = mayKeep() ? whyNotHeld(held, holder) : "the state machine has stopped with it";
    if (reason === null) {
      logger.log("info", "the state machine continues with its state on disk", { through });
      begun({ origin: held.origin, position: held.reached });
      return held;
    }
    logger.log("warn", "the state on disk is not used: the state machine is restored", { through, reason });
    // A restored state takes its place by itself, when it is complete.
    if (state().snapshot === null) await stateMachine.forget();
    return null;
  }

  /** The content of the state counts as made by this incarnation, or by none. A state machine that has stopped cannot be told: the applier mistrusts its state then. */
  async setOrigin(origin: Incarnation): Promise<void> {
    const { stateMachine, logger } = this.#options;
    if (!stateMachine.isDurable) return;
    try {
      await stateMachine.setOrigin(origin);
    } catch (error) {
      logger.log("warn", "the state on disk does not say who made it", { origin, reason: toError(error).message });
    }
  }
}
