// When is garbage collected on a state machine's thread? The collector lets a heap grow by a share of what lives in it, so that
// a large state is given a garbage heap as large. Here it is reminded by what has come in, which bounds the garbage instead.
// Each collection looks at the whole state: where somebody waits for results, it is done beside the work, and not as often.

const everyBytesAwaited = 128 * 1024 * 1024;
/** Of a follower, of a node that catches up, of a restore: nobody notices that the thread stands still for a moment. */
const everyBytesUnawaited = 16 * 1024 * 1024;

export class Garbage {
  #bytes = 0;

  /** So much has been taken in, and most of it is garbage by now. */
  note(bytes: number, isAwaited: boolean): void {
    this.#bytes += bytes;
    if (this.#bytes < (isAwaited ? everyBytesAwaited : everyBytesUnawaited)) return;
    this.#bytes = 0;
    Bun.gc(!isAwaited);
  }
}
