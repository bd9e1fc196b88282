// Chance as data: the generator's state is part of the node's state, so that a run replays from its seed.
// sfc32 (Chris Doty-Humphrey's Small Fast Counting generator): 128 bits of state. Good enough to spread elections and,
// seeded with 128 unpredictable bits, to name a cluster; not for secrets.

/** Four unsigned 32-bit integers. */
export type RandomState = readonly [number, number, number, number];

/** The next 32 random bits, and the generator after them. */
export function nextUint32(state: RandomState): readonly [number, RandomState] {
  const [a, b, c, counter] = state;
  const result = (a + b + counter) >>> 0;
  const rotated = ((c << 21) | (c >>> 11)) >>> 0;
  return [result, [(b ^ (b >>> 9)) >>> 0, (c + (c << 3)) >>> 0, (rotated + result) >>> 0, (counter + 1) >>> 0]];
}

/** Uniform in [0, below). */
export function nextFraction(state: RandomState, below: number): readonly [number, RandomState] {
  const [bits, next] = nextUint32(state);
  return [(bits / 0x1_0000_0000) * below, next];
}

/** 32 hexadecimal digits. */
export function nextUuid(state: RandomState): readonly [string, RandomState] {
  let text = "";
  let current = state;
  for (let word = 0; word < 4; word++) {
    const [bits, next] = nextUint32(current);
    text += bits.toString(16).padStart(8, "0");
    current = next;
  }
  return [text, current];
}

/** A generator from any seed, mixed so that close seeds differ at once. */
export function seedRandom(seed: RandomState): RandomState {
  let state: RandomState = [seed[0] >>> 0, seed[1] >>> 0, seed[2] >>> 0, seed[3] >>> 0 || 1];
  for (let round = 0; round < 12; round++) state = nextUint32(state)[1];
  return state;
}

/** @param bytes 16 that nobody can predict */
export function seedFrom(bytes: Uint8Array): RandomState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}
