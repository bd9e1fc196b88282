// How does a file that is complete under another name get its own, without ever replacing one? By a second name for it, which
// the system refuses where there is one; on disks that know no second names (exFAT, some network shares) the name is claimed
// by an empty file first.
import fs from "node:fs/promises";

/** What a file system answers that has no hard links. */
const withoutLinks: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

export const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : null);

/** Throws what the system throws: `EEXIST` when there is a file of that name. `partial` is gone afterwards. */
export async function takeName(partial: string, path: string, link: typeof fs.link = fs.link): Promise<void> {
  try {
    await link(partial, path);
  } catch (error) {
    if (!withoutLinks.has(codeOf(error))) throw error;
    const claimed = await fs.open(path, "wx", 0o600);
    await claimed.close();
    try {
      await fs.rename(partial, path);
    } catch (failure) {
      // The claim alone is no file: it would pass for a backup, and keep the next one from its name.
      await fs.rm(path, { force: true });
      throw failure;
    }
    return;
  }
  await fs.rm(partial);
}
