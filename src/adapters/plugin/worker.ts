// The thread that a state machine lives on: an entry point of its own in the compiled binary. It is told which plugin to load,
// then gets packed runs, queries and requests about snapshots, and answers each in turn. In the middle of a run it waits until
// the host has taken most of what it was sent. Its other half is worker-host.ts.
import { sessionLimits } from "../../core/session-limits.ts";
import { GraftError } from "../../errors.ts";
import type { Answer, AppliedEntry } from "../../ports/state-machine.ts";
import { reasonOf } from "./command-outcomes.ts";
import { createVersionedExecutor, type Executor } from "./executor.ts";
import { Garbage } from "./garbage.ts";
import { loadVersions, startFailure } from "./loader.ts";
import { OutcomePieces, Untaken } from "./outcome-pieces.ts";
import { takeConsole } from "./plugin-console.ts";
import { outsideOfApply, Progress } from "./progress.ts";
import { answerSlice } from "./query-slice.ts";
import { StateFolders } from "./state-folders.ts";
import { packAnswers, type PackedAnswer, packOutcomes, unpackRequest } from "./run-layout.ts";
import { isFatal, SnapshotRequests } from "./snapshot-requests.ts";
import type { FromWorker, Load, StateRequest, Told, ToWorker, Work } from "./worker-messages.ts";

declare const self: Worker;

let executor: Executor | null = null;
let progress = new Progress();
let snapshotRequests: SnapshotRequests | null = null;
const garbage = new Garbage();

const untaken = new Untaken();
/** What has been asked, oldest first: under way, and stopping wherever too much is untaken. */
let asked: Iterator<void>[] = [];

// Before anything is awaited: what arrives while there is no handler is lost.
self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data instanceof ArrayBuffer) ask(data);
  else if (data.kind === "load") void load(data);
  else if (data.kind === "watchMilestones") watch(data.every);
  else if (data.kind !== "taken") ask(data);
  else {
    untaken.onTaken(data.bytes);
    proceed();
  }
};

function watch(every: number): void {
  executor?.watchMilestones(every, (milestone) => send({ kind: "reached", milestone }));
}

function ask(work: Work): void {
  if (executor === null) return;
  asked.push(answer(executor, work));
  proceed();
}

function proceed(): void {
  while (asked[0]?.next().done === true) asked.shift();
}

async function load({ locations, stateFolder, progress: shared }: Load): Promise<void> {
  progress = new Progress(shared);
  takeConsole(console, (level, text) => send({ kind: "said", level, text }));
  try {
    const versions = await loadVersions(locations);
    try {
      const folders = stateFolder === null ? null : new StateFolders(stateFolder);
      executor = createVersionedExecutor(versions, sessionLimits, folders);
    } catch (cause) {
      throw startFailure(locations.at(-1)!, cause);
    }
    watchForLeftovers();
    const { description, versions: atHand, isDurable } = executor;
    send({ kind: "loaded", description, versions: atHand, isDurable });
  } catch (error) {
    send({ kind: "loadFailed", ...told(error) });
  }
}

/** Begins when it is its turn, and yields where it has to wait. */
function* answer(running: Executor, work: Work): Generator<void> {
  if (!(work instanceof ArrayBuffer)) return answerAbout(running, work);
  const request = unpackRequest(work);
  if (request.kind === "apply") return yield* applyRun(running, request.run, work.byteLength);
  while (untaken.isTooMuch) yield;
  noteQuery();
  const answers = answerSlice(running, request.slice, (nth) => progress.beginQuery(nth));
  progress.end();
  sendPiece(packAnswers(answers.map(packable)));
}

function* applyRun(running: Executor, run: readonly AppliedEntry[], bytes: number): Generator<void> {
  const pieces = new OutcomePieces((outcomes, isLast) => sendPiece(packOutcomes(outcomes, isLast, running.wakeAtMs)));
  let where = "a run";
  try {
    for (const entry of run) {
      if (untaken.isTooMuch) progress.end();
      while (untaken.isTooMuch) yield;
      where = `entry ${entry.index} (term ${entry.term})`;
      progress.beginEntry(entry.index, entry.term);
      pieces.add(running.apply(entry));
      if (entry.kind === "activate") send({ kind: "described", description: running.description });
    }
    if (running.isDurable) {
      where = "making its state durable";
      progress.beginCommit();
      running.commit();
    }
    progress.end();
    garbage.note(
      bytes,
      run.some((entry) => entry.isAwaited),
    );
    pieces.end();
  } catch (cause) {
    stop(cause instanceof GraftError ? cause : failure(running, `failed at ${where}`, cause));
  }
}

const packable = ({ outcome, elapsedMs }: Answer): PackedAnswer =>
  outcome.kind === "failed"
    ? { outcome: { kind: "failed", ...told(outcome.error) }, elapsedMs }
    : { outcome, elapsedMs };

function answerAbout(running: Executor, request: StateRequest): void {
  try {
    progress.beginSnapshot();
    const chunk = carryOut(running, request)?.buffer ?? null;
    if (request.kind === "beginRestore" || request.kind === "recall")
      send({ kind: "described", description: running.description });
    progress.end();
    send({ kind: "done", chunk, wakeAtMs: running.wakeAtMs }, chunk === null ? [] : [chunk]);
  } catch (cause) {
    progress.end();
    const error = cause instanceof GraftError ? cause : failure(running, `failed at ${request.kind}`, cause);
    if (isFatal(request)) stop(error);
    else send({ kind: "refused", ...told(error) });
  }
}

function carryOut(running: Executor, request: StateRequest): Uint8Array<ArrayBuffer> | null {
  if (request.kind === "recall") send({ kind: "recalled", recollection: running.recall(request.owner) });
  else if (request.kind === "forget") running.forget();
  else if (request.kind === "setOrigin") running.setOrigin(request.origin);
  else {
    snapshotRequests ??= new SnapshotRequests(running);
    return snapshotRequests.answer(request);
  }
  return null;
}

/** What is still in the queue stands on an entry that was not applied. */
function stop(error: GraftError): void {
  const { entry } = progress;
  executor = null;
  progress.end();
  asked = [];
  send({ kind: "stopped", ...told(error), entry });
}

function failure({ description }: Executor, what: string, cause: unknown): GraftError {
  const message = `The state machine ${description.name} ${description.version} ${what}: ${reasonOf(cause)}`;
  return new GraftError("state-machine", message, { cause });
}

/** A query was answered in this turn of the event loop, or shortly before it. */
let isAfterQuery = false;

function noteQuery(): void {
  if (isAfterQuery) return;
  isAfterQuery = true;
  setImmediate(() => {
    isAfterQuery = false;
  });
}

/**
 * What a handler left behind and nobody caught. A client must not be able to end the thread with a question, and a query cannot
 * leave a timer (determinism-guard.ts), but a promise. Whose promise was rejected is not told, so that one that may be a query's
 * is let go. Anything else may have to do with the state.
 */
function watchForLeftovers(): void {
  process.on("uncaughtException", onLeftover);
  process.on("unhandledRejection", (cause) => {
    if (!isAfterQuery) onLeftover(cause);
  });
}

function onLeftover(cause: unknown): void {
  if (executor !== null) stop(failure(executor, outsideOfApply(progress), cause));
}

function told(error: unknown): Told {
  if (!(error instanceof Error)) return { message: String(error), stack: "" };
  const origin = error.cause instanceof Error ? error.cause : error;
  return { message: error.message, stack: origin.stack ?? "" };
}

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, transfer);
}

function sendPiece(piece: ArrayBuffer): void {
  untaken.onSent(piece.byteLength);
  send(piece, [piece]);
}
