// How is a condition of a running cluster waited for? By looking again and again, with a generous limit: the machine may be busy.

const pollMs = 100;

/** Resolves with what `look` returns once that is neither null nor false. Throws after the limit, and says what was awaited. */
export async function until<T>(
  what: string,
  limitMs: number,
  look: () => Promise<T | null | false> | T | null | false,
): Promise<T> {
  const dueMs = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    if (performance.now() > dueMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await Bun.sleep(pollMs);
  }
}
