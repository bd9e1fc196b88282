// Rows in columns, as wide as they must be; colours take no room.
import type { Paint } from "./output.ts";

export function renderTable(titles: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell)))
      .join("  ")
      .trimEnd();
  return [paint("dim", line(titles)), ...rows.map(line)].join("\n");
}
