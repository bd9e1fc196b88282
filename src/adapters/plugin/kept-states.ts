// Which states on disk are open, and when does one replace another? The one before stays as it was last committed until the next one is
// committed. So a crash in between finds the one before. Of several that a crash has left, the one that has reached further is in force.
import type { PluginVersion } from "../../core/activation.ts";
import type { HeldState } from "../../ports/state-machine.ts";
import type { RecordChange } from "./api.ts";
import type { DurableHooks } from "./definition-check.ts";
import type { LoadedVersion } from "./loader.ts";
import type { StateFolders } from "./state-folders.ts";
import { readRecords, type Recorded } from "./state-records.ts";

/** The state of one version, as its plugin has opened it. */
export interface Kept {
  readonly version: LoadedVersion;
  readonly state: unknown;
}

export interface Found extends Recorded {
  readonly kept: Kept;
}

/** As the node hears of it. */
export const heldOf = ({ reached: { position, plugin, owner, origin, wakeAtMs } }: Found): HeldState => ({
  reached: position,
  plugin,
  owner,
  origin,
  wakeAtMs,
});

export class KeptStates {
  readonly #folders: StateFolders;
  #open: readonly Kept[] = [];
  /** Whether folders of other versions may be there. */
  #hasOthers = true;
  #damage: string[] = [];

  constructor(folders: StateFolders) {
    this.#folders = folders;
  }

  /** An empty state; null: this version keeps none on disk. What was there before is there until the next commit. */
  empty(version: LoadedVersion): Kept | null {
    const hooks = hooksOf(version);
    if (hooks === null) {
      this.#hasOthers = true;
      return null;
    }
    const kept = this.#open.find((each) => each.version === version) ?? this.#begin(version, hooks);
    hooks.clear(kept.state);
    return kept;
  }

  /** The state that is in force; null: there is none. */
  find(versions: readonly LoadedVersion[]): Found | null {
    const found = versions.flatMap((version) => this.#lookAt(version) ?? []);
    const furthest = Math.max(...found.map(indexOf));
    const inForce = found.find((each) => indexOf(each) === furthest) ?? null;
    for (const { kept } of found) if (kept !== inForce?.kept) close(kept);
    this.#open = inForce === null ? [] : [inForce.kept];
    return inForce;
  }

  /** Null: the state is in memory. From here on it is in force, and no other. */
  commit(kept: Kept | null, changes: readonly RecordChange[]): void {
    if (kept !== null) hooksOf(kept.version)!.commit(kept.state, changes);
    if (!this.#hasOthers) return;
    for (const each of this.#open) if (each !== kept) close(each);
    this.#open = kept === null ? [] : [kept];
    this.#folders.keepOnly(kept?.version.id ?? null);
    this.#hasOthers = false;
  }

  /** Nothing is kept any more. */
  forget(): void {
    this.close();
    this.#folders.keepOnly(null);
  }

  close(): void {
    for (const each of this.#open) close(each);
    this.#open = [];
  }

  /** For people: what has been set aside since the last call. */
  takeDamage(): readonly string[] {
    return this.#damage.splice(0);
  }

  #begin(version: LoadedVersion, hooks: DurableHooks<unknown>): Kept {
    const folder = this.#folders.make(version.id);
    const kept = { version, state: this.#openOrSetAside(version.id, hooks, folder) };
    this.#open = [...this.#open, kept];
    this.#hasOthers = true;
    return kept;
  }

  #openOrSetAside(id: PluginVersion, hooks: DurableHooks<unknown>, folder: string): unknown {
    try {
      return hooks.open(folder);
    } catch (cause) {
      mustBeDamage(cause);
      this.#setAside(id, cause);
      return hooks.open(this.#folders.make(id));
    }
  }

  #lookAt(version: LoadedVersion): Found | null {
    const hooks = hooksOf(version);
    if (hooks === null || !this.#folders.has(version.id)) return null;
    let kept: Kept | null = null;
    try {
      kept = { version, state: hooks.open(this.#folders.make(version.id)) };
      const recorded = readRecords(hooks.records(kept.state));
      if (recorded !== null) return { kept, ...recorded };
      close(kept);
    } catch (cause) {
      if (kept !== null) closeDamaged(kept);
      mustBeDamage(cause);
      this.#setAside(version.id, cause);
    }
    return null;
  }

  #setAside(id: PluginVersion, cause: unknown): void {
    const folder = this.#folders.setAside(id);
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#damage.push(
      `the state of ${id.name} ${id.version} on disk cannot be used: ${reason}; it is now in ${folder}`,
    );
  }
}

/** Error codes of the system and of SQLite that pass, such as those of a full disk. The state may be whole. */
const passing =
  /^(?:ENOSPC|EDQUOT|EMFILE|ENFILE|ENOMEM|EACCES|EPERM|EROFS|EBUSY|EIO|SQLITE_(?:FULL|NOMEM|BUSY|LOCKED|IOERR|CANTOPEN|READONLY|PERM)(?:_\w+)?)$/;

/** Throws what is no damage: the state machine stops, and begins anew with what is on disk. */
function mustBeDamage(cause: unknown): void {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  if (typeof code === "string" && passing.test(code)) throw cause;
}

const indexOf = ({ reached }: Found): number => reached.position.index;

const hooksOf = ({ plugin }: LoadedVersion): DurableHooks<unknown> | null => plugin.durable;

function close({ version, state }: Kept): void {
  hooksOf(version)!.close(state);
}

/** What it throws is damage as well, of which there is word already. */
function closeDamaged(kept: Kept): void {
  try {
    close(kept);
  } catch {
    return;
  }
}
