// Which moments are in what an event has made of a node?
import type { LogPosition } from "../../core/log-position.ts";
import type { State } from "../../core/state.ts";
import type { Scene, Turn } from "./rare-state.ts";
import { includes, isFull } from "./views.ts";

export type TurnName =
  | "elected"
  | "deposed"
  | "stands"
  | "cut"
  | "configured"
  | "tookSnapshot"
  | "adopted"
  | "handsOver"
  | "holds"
  | "leadsOn"
  | "reads";

export function momentsOf(turn: Turn, scene: Scene, happens: (name: TurnName) => void): void {
  const { before, after } = turn;
  if (before.role !== after.role) rolesOf(before, after, happens);
  if (before.log !== after.log) logsOf(turn, scene, happens);
  const { snapshot } = after;
  if (snapshot === null || snapshot === before.snapshot) return;
  happens(snapshot.position.index > before.appliedIndex ? "adopted" : "tookSnapshot");
}

function rolesOf({ role: before, currentTerm }: State, later: State, happens: (name: TurnName) => void): void {
  const { role: after } = later;
  const leadsOn = before.kind === "leader" && after.kind === "leader" && currentTerm === later.currentTerm;
  if (after.kind === "leader" && !leadsOn) happens("elected");
  if (before.kind === "leader" && !leadsOn) happens("deposed");
  const stoodBefore = before.kind === "preCandidate" ? before.electionDueMs : null;
  if (after.kind === "preCandidate" && after.electionDueMs !== stoodBefore) happens("stands");
  if (readsOf(later) > (before.kind === after.kind && "reads" in before ? before.reads.length : 0)) happens("reads");
  if (before.kind !== "leader" || after.kind !== "leader" || before.transfer === after.transfer) return;
  if (after.transfer === null) happens("leadsOn");
  else if (after.transfer.target !== before.transfer?.target) happens("handsOver");
  if ((after.transfer?.held.length ?? 0) > (before.transfer?.held.length ?? 0)) happens("holds");
}

const readsOf = ({ role }: State): number => ("reads" in role ? role.reads.length : 0);

/** When the disk is full the core begins anew with the log that is durable: that is no cut. */
function logsOf(
  { member, before: { log: before, role }, after: later }: Turn,
  scene: Scene,
  happens: (name: TurnName) => void,
): void {
  const { log: after } = later;
  if (!isFull(member) && !includes(scene, after, before.last)) happens("cut");
  const [known, latest] = [endOf(before), endOf(after)];
  const isAppended = latest !== undefined && latest.index > (known?.index ?? 0);
  if (isAppended && role.kind === "leader" && later.role.kind === "leader") happens("configured");
}

const endOf = ({ configurations }: State["log"]): LogPosition | undefined => configurations.at(-1)?.position;
