// Which ports can nodes on this machine listen on? Those on which nothing listens now, and which no other run has claimed. A node
// that restarts must find its port free again. So the ports lie below the range from which the system takes the near ends of
// connections, and a claim on a port lasts as long as the process that made it. A claim is a socket that listens on a second port,
// a fixed distance above the first. The system grants it to one process only, and takes it back when that process ends or crashes.

/** From `lowest` to below `highest`. Claims lie directly above, so the ports of nodes and of claims never meet. */
export interface PortRange {
  readonly lowest: number;
  readonly highest: number;
}

const allPorts: PortRange = { lowest: 20_000, highest: 26_000 };
const CLAIM_DISTANCE = allPorts.highest - allPorts.lowest;
const ATTEMPTS_MAX = 2000;

/** Whether all of `count` ports from `first` on are free. */
export function areFree(first: number, count: number): boolean {
  return portsFrom(first, count).every(isFree);
}

/** `count` ports, which no other call gets in any process on this machine until this one ends. Throws when none are left. */
export function findFreePorts(count: number, range: PortRange = allPorts): readonly number[] {
  const found: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS_MAX && found.length < count; attempt++) {
    const port = drawn(range);
    if (claim(port, 1)) found.push(port);
  }
  if (found.length < count) throw noneLeft(count, range);
  return found;
}

/** The same for ports in a row. Returns the first one. */
export function findFreePortsInARow(count: number, range: PortRange = allPorts): number {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const first = drawn(range);
    if (first + count <= range.highest && claim(first, count)) return first;
  }
  throw noneLeft(count, range);
}

const portsFrom = (first: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, place) => first + place);

const drawn = ({ lowest, highest }: PortRange): number => lowest + Math.floor(Math.random() * (highest - lowest));

const noneLeft = (count: number, { lowest, highest }: PortRange): RangeError =>
  new RangeError(`there are no ${count} free ports from ${lowest} to ${highest}`);

/** All of them or none. */
function claim(first: number, count: number): boolean {
  const claims: Listener[] = [];
  // The claim comes first: a process that finds the port free holds it already.
  for (const port of portsFrom(first, count)) {
    const claimed = listenOn(port + CLAIM_DISTANCE);
    if (claimed !== null) claims.push(claimed);
    if (claimed === null || !isFree(port)) {
      for (const each of claims) each.stop(true);
      return false;
    }
  }
  // A claim keeps no program from ending.
  for (const each of claims) each.unref();
  return true;
}

function isFree(port: number): boolean {
  const listener = listenOn(port);
  listener?.stop(true);
  return listener !== null;
}

type Listener = Pick<Bun.TCPSocketListener, "stop" | "unref">;

function listenOn(port: number): Listener | null {
  try {
    return Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
  } catch {
    return null;
  }
}
