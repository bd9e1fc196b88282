// From which seed on does a run of fresh seeds begin? From the one that is given, so that a run can be repeated, else from a random one.

const seedMax = 2 ** 52;

/** @param given the value of the environment variable. Throws for one that is no seed. */
export function firstSeedOf(given: string | undefined): number {
  if (given === undefined) return crypto.getRandomValues(new Uint32Array(1))[0]!;
  const seed = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (seed <= seedMax) return seed;
  throw new Error(`GRAFT_FIRST_SEED=${JSON.stringify(given)}: not a whole number from 0 to ${seedMax}, such as 7`);
}
