// Makes `import … from "graft"` mean the plugin API that is built in, for plugins that lie outside of the project: once per
// thread, before the first plugin is loaded.
import * as api from "./api.ts";

let isProvided = false;

export function provideApiModule(): void {
  if (isProvided) return;
  isProvided = true;
  Bun.plugin({
    name: "graft",
    setup(build) {
      build.module("graft", () => ({ exports: { ...api }, loader: "object" }));
    },
  });
}
