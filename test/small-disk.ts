// A small disk of its own for a test, which can be filled and emptied: a file system in memory. The superuser mounts it; anyone
// else does so in a namespace of their own, and reaches it through the process that holds that.
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  /** The folder that it is mounted on. */
  readonly path: string;
  freeBytes(): Promise<number>;
  /** Fills it with a file until so many bytes are free, or fewer where others write as well. */
  fillTo(freeBytes: number): Promise<void>;
  /** Takes that file away. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

interface Mounted {
  readonly path: string;
  readonly unmount: () => Promise<unknown>;
}

/** Throws when this machine lets nobody mount one. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "graft-disk-"));
  const { path, unmount } = process.getuid?.() === 0 ? mountHere(folder, bytes) : await mountApart(folder, bytes);
  const ballast = join(path, "ballast");
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  };
  return {
    path,
    freeBytes,
    async fillTo(wanted) {
      await rm(ballast, { force: true });
      const missing = (await freeBytes()) - wanted;
      try {
        if (missing > 0) await writeFile(ballast, new Uint8Array(missing));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    },
    empty: () => rm(ballast, { force: true }),
    async remove() {
      await unmount();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const mountWords = (folder: string, bytes: number): string[] => [
  "mount",
  "-t",
  "tmpfs",
  "-o",
  `size=${bytes}`,
  "tmpfs",
  folder,
];

function mountHere(folder: string, bytes: number): Mounted {
  mustWork(mountWords(folder, bytes));
  return { path: folder, unmount: async () => mustWork(["umount", "--lazy", folder]) };
}

async function mountApart(folder: string, bytes: number): Promise<Mounted> {
  const words = mountWords(folder, bytes).join(" ");
  const holder = Bun.spawn(
    ["unshare", "--map-root-user", "--mount", "sh", "-c", `${words} && echo mounted && exec cat`],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const { value } = await holder.stdout.getReader().read();
  if (value === undefined) throw new Error(`nobody may mount a file system here: ${words}`);
  const unmount = async (): Promise<unknown> => {
    await holder.stdin.end();
    return holder.exited;
  };
  return { path: `/proc/${holder.pid}/root${folder}`, unmount };
}

function mustWork(words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr.toString()}`);
}
