// Who is told of the frozen views that a plugin opens (snapshot-map.ts): whoever takes a snapshot lets every one of them go
// in the end, although the plugin does not think of it, and refuses one that is opened when the moment is over.

/** A piece of state as it was, while the living one changes. */
export interface FrozenView {
  /** Lets the view go. More than once is fine. */
  close(): void;
  /** Once closed: puts about `steps` of what changed meanwhile where it belongs. Whether nothing is left to do. */
  settle(steps: number): boolean;
}

type Notice = (view: FrozenView) => void;

const nobody: Notice = () => {};

let notice = nobody;

/** To be called by what opens a view, before it is open: it may throw. */
export function announceView(view: FrozenView): void {
  notice(view);
}

/** Runs something at once; what it opens is told to `told`, which may throw to refuse it. */
export function watchingViews<Result>(told: Notice, run: () => Result): Result {
  notice = told;
  try {
    return run();
  } finally {
    notice = nobody;
  }
}
