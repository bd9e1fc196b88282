// Whether certificates can be made by the single binary too: the bundler reorders imports, and @peculiar/x509 fails when
// its polyfill runs late.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

test("bundled as for the single binary, the authority still loads", async () => {
  const dir = await mkdtemp(join(tmpdir(), "graft-bundle-"));
  try {
    const entry = join(import.meta.dir, "../../../src/adapters/certs/authority.ts");
    const built = await Bun.build({ entrypoints: [entry], target: "bun", outdir: dir });
    expect(built.success).toBe(true);
    const script = `const m = await import(${JSON.stringify(join(dir, "authority.js"))}); console.log(typeof m.createCa);`;
    const child = Bun.spawnSync([process.execPath, "-e", script]);
    expect(child.stderr.toString()).toBe("");
    expect(child.stdout.toString().trim()).toBe("function");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
