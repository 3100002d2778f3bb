/** One cell of a screen; `paint` adds colour without changing its width. */
export type ScreenCell = { readonly text: string; readonly paint?: ((text: string) => string) | undefined };

/** A line of cells: its text with colours, and its length without them. */
type ScreenLine = { readonly text: string; readonly length: number };

const BETWEEN = 2;
const plain = (text: string): string => text;

/** Lays rows out in columns, the first to the left and the others to the right; the last columns that do not fit are dropped. */
export function inColumns(table: readonly (readonly ScreenCell[])[], width: number): ScreenLine[] {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.text.length ?? 0)));
  let used = 0;
  const fitting = widths.filter((size, index) => {
    used += size + (index > 0 ? BETWEEN : 0);
    return used <= width;
  });
  const length = fitting.reduce((sum, size) => sum + size, 0) + BETWEEN * Math.max(0, fitting.length - 1);
  return table.map((row) => {
    const cells = fitting.map((size, column) => {
      const { text, paint = plain } = row[column] ?? { text: '' };
      const space = ' '.repeat(size - text.length);
      return column === 0 ? `${paint(text)}${space}` : `${space}${paint(text)}`;
    });
    return { text: cells.join(' '.repeat(BETWEEN)).trimEnd(), length };
  });
}
