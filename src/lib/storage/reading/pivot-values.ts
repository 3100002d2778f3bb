/** A piece of SQL: a text in quotes, a comment, a word or a sign. */
const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|\w+|\s+|[\s\S]/g;
const ENDS = /^(USING|GROUP|ORDER|LIMIT|OFFSET|UNION|EXCEPT|INTERSECT)$/i;
/** Stands for the values of a column. Without quotes it cannot end a text or a comment that it may fall into. */
const VALUES = ' IN (1)';

/** A PIVOT whose columns are read: the depth of its parentheses, and what its current column has. */
type Pivot = { readonly depth: number; isOn: boolean; hasValues: boolean; isEmpty: boolean };

/**
 * Returns a statement in which every column of a PIVOT has a list of values. DuckDB serialises no PIVOT that has to look
 * for its values first; with them, the same tables and functions can be checked.
 */
export function withPivotValues(sql: string): string {
  const parts: string[] = [];
  const open: Pivot[] = [];
  let depth = 0;
  for (const [token] of sql.matchAll(TOKENS)) {
    const pivot = open.at(-1);
    if (pivot?.isOn && depth === pivot.depth && endsColumn(token)) {
      if (!pivot.hasValues && !pivot.isEmpty) parts.push(VALUES);
      Object.assign(pivot, { hasValues: false, isEmpty: true });
      if (token !== ',') open.pop();
    }
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    parts.push(token);
    note(open, token, depth);
  }
  const last = open.at(-1);
  if (last?.isOn && !last.hasValues && !last.isEmpty) parts.push(VALUES);
  return parts.join('');
}

function endsColumn(token: string): boolean {
  return token === ',' || token === ')' || token === ';' || ENDS.test(token);
}

function note(open: Pivot[], token: string, depth: number): void {
  const pivot = open.at(-1);
  if (/^PIVOT(_WIDER)?$/i.test(token)) open.push({ depth, isOn: false, hasValues: false, isEmpty: true });
  else if (pivot && !pivot.isOn && depth === pivot.depth && /^ON$/i.test(token)) pivot.isOn = true;
  else if (pivot?.isOn && token.trim() !== '') {
    pivot.isEmpty = false;
    if (depth === pivot.depth && /^IN$/i.test(token)) pivot.hasValues = true;
  }
}
