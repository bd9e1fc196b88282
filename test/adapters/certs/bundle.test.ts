// Whether certificates can be made by the single binary too: the bundler reorders imports, and @peculiar/x509 fails when
// its polyfill runs late.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

test("bundled as for the single binary, an authority is made", async () => {
  const dir = await mkdtemp(join(tmpdir(), "graft-bundle-"));
  try {
    const authority = JSON.stringify(join(import.meta.dir, "../../../src/adapters/certs/authority.ts"));
    const entry = join(dir, "entry.ts");
    // Imported both ways, as by commands that load lazily and by others that do not: that is when the order changes.
    await Bun.write(
      entry,
      `import { createCa } from ${authority};
      const lazily = await import(${authority});
      const ca = await createCa({ cluster: "demo" });
      console.log(lazily.clusterOfCa(ca.cert));`,
    );
    const built = await Bun.build({ entrypoints: [entry], target: "bun", outdir: dir });
    expect(built.success).toBe(true);
    const child = Bun.spawnSync([process.execPath, join(dir, "entry.js")]);
    expect(child.stderr.toString()).toBe("");
    expect(child.stdout.toString().trim()).toBe("demo");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
