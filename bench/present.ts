// Results as a table, as JSON and as a picture.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Row {
  readonly label: string;
  readonly value: number;
  /** More columns for the table. */
  readonly more: Readonly<Record<string, string | number>>;
}

export function printTable(title: string, rows: readonly Row[], unit: string): void {
  console.log(`\n${title}`);
  console.table(Object.fromEntries(rows.map(({ label, value, more }) => [label, { [unit]: value, ...more }])));
}

/** Writes `NAME.json` and `NAME.svg` into `dir`. */
export async function writeResults(
  dir: string,
  name: string,
  result: { readonly title: string; readonly unit: string; readonly rows: readonly Row[]; readonly lines: unknown },
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(dir, `${name}.svg`), bars(result.title, result.rows, result.unit));
}

const width = 640;
const labelWidth = 150;
const barHeight = 26;
const top = 48;

/** Horizontal bars, the longest across the picture. */
function bars(title: string, rows: readonly Row[], unit: string): string {
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const drawn = rows.map(({ label, value }, at) => {
    const y = top + at * (barHeight + 10);
    const length = ((width - labelWidth - 130) * value) / most;
    return [
      `<text x="${labelWidth - 10}" y="${y + 18}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="3" fill="#3b7a57"/>`,
      `<text x="${(labelWidth + length + 8).toFixed(1)}" y="${y + 18}">${value} ${escape(unit)}</text>`,
    ].join("\n");
  });
  const height = top + rows.length * (barHeight + 10) + 12;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="14">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="16" y="28" font-size="16" font-weight="bold">${escape(title)}</text>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
