// How does the core stop at what cannot be? The caller of `step` ends the node with the rule that is broken.

export function must(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`invariant broken: ${rule}`);
}
