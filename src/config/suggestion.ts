// Which of the known words was probably meant? The nearest by edits, when it is near enough to be no guess.

/** The candidate nearest to `word`, or null when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const editsMax = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestEdits = editsMax + 1;
  for (const candidate of candidates) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const at = (rowIndex: number, column: number): number => rows[rowIndex]?.[column] ?? Infinity;
      const replaced = at(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(Math.min(replaced, at(i - 1, j) + 1, (row[j - 1] ?? 0) + 1, isSwap ? at(i - 2, j - 2) + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows[from.length]?.[to.length] ?? Infinity;
}
