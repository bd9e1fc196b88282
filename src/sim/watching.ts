// Who hears what of what happens to the machines of a simulation? Each watcher is told of all that its rule is about.
import type { Ballots } from "./ballots.ts";
import type { Certificates } from "./certificates.ts";
import type { Faults } from "./faults.ts";
import type { Liars } from "./liars.ts";
import type { Member, MemberWorld } from "./member.ts";
import type { PluginTrouble } from "./plugin-trouble.ts";
import type { Promises } from "./promises.ts";
import type { RareStateWatch } from "./rare-states/watch.ts";
import type { ReplicatedTime } from "./replicated-time.ts";
import type { Safety } from "./safety.ts";
import type { Skipper } from "./skipper.ts";
import type { Standstills } from "./standstills.ts";
import type { Versions } from "./versions.ts";

export interface Watchers {
  readonly safety: Safety;
  readonly time: ReplicatedTime;
  readonly rareStates: RareStateWatch;
  readonly promises: Promises;
  readonly ballots: Ballots;
  readonly liars: Liars;
  readonly standstills: Standstills;
  readonly certificates: Certificates;
  readonly trouble: PluginTrouble;
  readonly versions: Versions;
  readonly skipper: Skipper;
  readonly faults: Pick<Faults, "forgery">;
  /** Looks at a member that may be down in a moment. */
  readonly look: (member: Member) => void;
  readonly violated: (what: string, cause?: unknown) => void;
}

type MemberEvents = Omit<
  MemberWorld,
  "network" | "links" | "chance" | "replicas" | "pace" | "machines" | "trace" | "restored" | "damaged"
>;

/** @param watchers there are all of them by the time that anything happens */
export function tellAll(watchers: () => Watchers): MemberEvents {
  return {
    certificateEndOf: (member) => watchers().certificates.endOf(member),
    wrongAt: (entry) => watchers().trouble.wrongAt(entry),
    diverged: () => watchers().faults.forgery.isExplained(),
    applied: (by, machine, entry) => {
      const { safety, time, rareStates, liars, versions, skipper } = watchers();
      versions.onApplied(entry);
      skipper.onApplied(entry);
      safety.onApplied(by, machine, entry);
      time.onApplied(by, entry);
      rareStates.onApplied(by, entry);
      liars.onApplied(entry);
    },
    sent: (by, what, disk) => {
      const { promises, ballots, standstills, rareStates } = watchers();
      promises.onSent(what, disk);
      ballots.onSent(by, what);
      standstills.onSent(what);
      rareStates.onSent(by, what);
    },
    heard: (by, from, message) => watchers().ballots.onHeard(by, from, message),
    ending: (by, isCrash) => {
      watchers().look(by);
      if (isCrash) watchers().rareStates.onCrash(by);
    },
    refused: (by) => watchers().rareStates.happens("refuses", { member: by }),
    sleeps: (by) => watchers().rareStates.onSleep(by),
    changedRole: (by) => watchers().safety.onRole(by),
    stoodStill: (by, standstill) => watchers().standstills.onStoodStill(by, standstill),
    flooded: (by, message) => watchers().violated(`${by} fills its log with "${message}"`),
    broken: (by, cause) => watchers().violated(`${by} failed: ${String(cause)}`, cause),
  };
}
