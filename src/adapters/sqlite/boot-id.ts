// Has the system been started since something was written? Only a power cut or a crash of the system takes back or tears what was
// not synced, and after either of them the kernel has another boot id.
import { readFileSync } from "node:fs";
import { isMissing } from "./storage-errors.ts";

const path = "/proc/sys/kernel/random/boot_id";

/** Null: the platform does not tell. Throws what the file system throws. */
export function readBootId(): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
