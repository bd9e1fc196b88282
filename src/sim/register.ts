// Could this history of a key have happened one operation after the other? (Herlihy and Wing's linearizability, searched as
// Wing and Gong do, with Lowe's memory of what has been tried.) An operation takes effect at one moment between its call and
// its answer; a put without an answer at any moment after its call, or never.

export interface Operation {
  readonly kind: "put" | "get";
  /** What was put, or what the get returned; null: no value yet. */
  readonly value: string | null;
  readonly beganMs: number;
  /** Infinite: no answer, so that nobody knows whether it took effect. */
  readonly endedMs: number;
}

/** A call or an answer, in a list that the search takes operations out of and puts back into. */
interface Endpoint {
  readonly operation: number;
  readonly isCall: boolean;
  readonly atMs: number;
  previous: Endpoint | null;
  next: Endpoint | null;
}

/** Which operations have a place: all before `first`, and those whose bits `later` has, from `first` on. */
interface Placed {
  readonly first: number;
  readonly later: bigint;
}

interface Step {
  readonly call: Endpoint;
  readonly before: string | null;
  readonly placedBefore: Placed;
}

/** Whether some order of these operations on one key, which has no value at first, explains every get. */
export function isLinearizable(history: readonly Operation[]): boolean {
  const search = searchOrder(history);
  for (;;) {
    const step = search.next();
    if (step.done === true) return step.value;
  }
}

/** How many calls and answers are looked at before others may have the thread. */
const partLength = 10_000;

/** The same in parts. */
export function* searchOrder(history: readonly Operation[]): Generator<undefined, boolean> {
  const operations = tellingOf(history);
  const { head, answers } = endpointsOf(operations);
  const tried = new Set<string>();
  const steps: Step[] = [];
  let placed: Placed = { first: 0, later: 0n };
  let value: string | null = null;
  let at = head.next;
  for (let looked = 1; head.next !== null; looked++) {
    if (looked % partLength === 0) yield;
    if (at === null) throw new Error("a call without an answer behind it");
    if (at.isCall) {
      const operation = operations[at.operation]!;
      const isPossible = operation.kind === "put" || operation.value === value;
      const after: string | null = operation.kind === "put" ? operation.value : value;
      const next = withPlace(placed, at.operation);
      const trial = `${next.first} ${next.later} ${after}`;
      if (!isPossible || tried.has(trial)) {
        at = at.next;
        continue;
      }
      tried.add(trial);
      steps.push({ call: at, before: value, placedBefore: placed });
      placed = next;
      value = after;
      takeOut(at);
      takeOut(answers[at.operation]!);
      at = head.next;
      continue;
    }
    // An answer whose operation has no place yet: something before it was placed wrongly.
    // Not a get: one that may come now changes nothing, so whatever order there is, there is one with it at this place.
    let last = steps.pop();
    for (; last !== undefined; last = steps.pop()) {
      placed = last.placedBefore;
      value = last.before;
      putBack(answers[last.call.operation]!);
      putBack(last.call);
      if (operations[last.call.operation]!.kind === "put") break;
    }
    if (last === undefined) return false;
    at = last.call.next;
  }
  return true;
}

function withPlace({ first, later }: Placed, operation: number): Placed {
  let next = first;
  let bits = later | (1n << BigInt(operation - first));
  while ((bits & 1n) === 1n) {
    bits >>= 1n;
    next++;
  }
  return { first: next, later: bits };
}

/** As they began. A put that had no answer and whose value nobody saw may never have happened: trying when it did would take for ever. */
function tellingOf(history: readonly Operation[]): readonly Operation[] {
  const seen = new Set(history.flatMap(({ kind, value }) => (kind === "get" ? [value] : [])));
  return history
    .filter(({ kind, value, endedMs }) => kind === "get" || Number.isFinite(endedMs) || seen.has(value))
    .toSorted((one, other) => one.beganMs - other.beganMs);
}

/** Calls come before answers of the same moment: they may have overlapped. */
function endpointsOf(operations: readonly Operation[]): {
  readonly head: Endpoint;
  readonly answers: readonly Endpoint[];
} {
  const endpoint = (operation: number, isCall: boolean, atMs: number): Endpoint => {
    return { operation, isCall, atMs, previous: null, next: null };
  };
  const calls = operations.map(({ beganMs }, at) => endpoint(at, true, beganMs));
  const answers = operations.map(({ endedMs }, at) => endpoint(at, false, endedMs));
  const inOrder = [...calls, ...answers].sort((a, b) =>
    a.atMs === b.atMs ? Number(b.isCall) - Number(a.isCall) : a.atMs < b.atMs ? -1 : 1,
  );
  const head = endpoint(-1, true, Number.NEGATIVE_INFINITY);
  let last = head;
  for (const each of inOrder) {
    each.previous = last;
    last.next = each;
    last = each;
  }
  return { head, answers };
}

function takeOut(endpoint: Endpoint): void {
  endpoint.previous!.next = endpoint.next;
  if (endpoint.next !== null) endpoint.next.previous = endpoint.previous;
}

/** In the reverse order of taking out. */
function putBack(endpoint: Endpoint): void {
  endpoint.previous!.next = endpoint;
  if (endpoint.next !== null) endpoint.next.previous = endpoint;
}
