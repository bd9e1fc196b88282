// What is the code of a program? The words of its command, and each file that one of them names. What the program loads beside these files is
// not seen.
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { executableOf, type ProgramLocation } from "./child.ts";

/** SHA-256, 64 hexadecimal digits: the same wherever the files lie, if the command is the same. */
export function programHash(location: ProgramLocation): string {
  const { command, directory } = location;
  const hash = new Bun.CryptoHasher("sha256");
  for (const [nth, word] of command.entries()) {
    const path = nth === 0 ? executableOf(location) : resolve(directory, word);
    // A program of the system, such as an interpreter, is another file on each machine.
    const isFile = (nth > 0 || word.includes("/")) && existsSync(path) && statSync(path).isFile();
    const code = isFile ? readFileSync(path) : null;
    hash.update(JSON.stringify({ word, bytes: code?.byteLength ?? null }));
    if (code !== null) hash.update(code);
  }
  return hash.digest("hex");
}
