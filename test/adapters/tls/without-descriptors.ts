// Runs a program that uses up its file descriptors, in a process of its own: a lack of them would end the tests.

/** For the program: from here on it can open nothing. `openSync` is of node:fs. */
export const useUpDescriptors = `
try {
  for (;;) openSync("/dev/null", "r");
} catch {}`;

/** The JSON that the program writes to its standard output. It may have 64 descriptors. */
export async function runWithFewDescriptors(program: string): Promise<unknown> {
  const child = Bun.spawn(["sh", "-c", 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, program], {
    stdout: "pipe",
    stderr: "ignore",
  });
  return JSON.parse(await child.stdout.text());
}
