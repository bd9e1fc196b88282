// How is this very program called? The binary is itself; from the source it is the runtime and the entry file.

export const program: readonly string[] = Bun.isStandaloneExecutable
  ? [process.execPath]
  : [process.execPath, Bun.main];
