// A rule that a simulated cluster has broken. Whoever runs a simulation lets it through: it says all there is to say.

export class Violation extends Error {
  /** Which property broke: a title of the thesis, a contract of the project. */
  readonly rule: string;

  constructor(rule: string, details: string, cause?: unknown) {
    super(`${rule}: ${details}`, { cause });
    this.name = "Violation";
    this.rule = rule;
  }
}
