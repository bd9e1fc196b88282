// Which ports can nodes on this machine listen on? Those that nobody listens on now, below the range from which the system
// takes the near ends of connections: a node that restarts must find its port free again.

const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS_MAX = 2000;

/** Whether all of `count` ports from `first` on are free. */
export function areFree(first: number, count: number): boolean {
  return Array.from({ length: count }, (_, place) => first + place).every(isFree);
}

/** `count` ports, drawn anew at each call so that two clusters that start at once rarely meet. Throws when none are left. */
export function findFreePorts(count: number): readonly number[] {
  const found = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && found.size < count; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (isFree(port)) found.add(port);
  }
  if (found.size < count) throw new RangeError(`there are no ${count} free ports from ${LOWEST} to ${HIGHEST}`);
  return [...found];
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
