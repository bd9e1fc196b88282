// A rule that a simulated cluster has broken. Whoever runs a simulation lets it through: it says all there is to say.

export class Violation extends Error {
  /** Which property broke: a title of the thesis, a contract of the project. */
  readonly rule: string;
  readonly details: string;
  /** In how many events it came about. */
  readonly events: number;

  constructor(rule: string, details: string, cause?: unknown, events = 0) {
    super(`${rule}: ${details}`, { cause });
    this.name = "Violation";
    this.rule = rule;
    this.details = details;
    this.events = events;
  }
}
