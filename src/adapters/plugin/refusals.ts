// Whose words does a refusal have? The plugin's own words are the same on every node, since its hash covers its code. Graft may reword its own
// from release to release, so they count for nothing where nodes compare their outcomes.
import { Rejected } from "./api.ts";

/** Thrown where Graft refuses a command or a query before the plugin sees it. */
export class RejectedByGraft extends Rejected {}

/** The outcome of a refusal in the plugin's own words. */
export class PluginRefusal {
  readonly kind = "rejected";
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}
