// How much memory does a process hold, and what was the most while somebody looked? As Linux tells it.
import { readFile } from "node:fs/promises";

const lookEveryMs = 50;

/** Its resident set, bytes, now or at the most since it started. Throws when there is no such process, or no Linux. */
export async function residentBytes(pid: number, when: "now" | "most" = "now"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = new RegExp(`^${when === "now" ? "VmRSS" : "VmHWM"}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`what process ${pid} holds is not known`);
  return Number(kibibytes) * 1024;
}

export class MemoryWatch {
  #mostBytes = 0;
  #isOver = false;
  readonly #watching: Promise<void>;

  constructor(pid: number) {
    this.#watching = this.#watch(pid);
  }

  /** The most that it held, bytes. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#watching;
    return this.#mostBytes;
  }

  async #watch(pid: number): Promise<void> {
    while (!this.#isOver) {
      this.#mostBytes = Math.max(this.#mostBytes, await residentBytes(pid));
      await Bun.sleep(lookEveryMs);
    }
  }
}
