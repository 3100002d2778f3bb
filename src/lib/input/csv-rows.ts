import { readLinePieces } from './lines.js';

/** The part of papaparse that reads a text at once; `cursor` is where the last row begins if it is not complete. */
type CsvParser = {
  readonly newline: string;
  parse(text: string, baseIndex: number, ignoreLastRow: boolean): { data: string[][]; meta: { readonly cursor: number } };
};

/** Rows of cells in file order; `truncated` is the reason when the file is incomplete (a cut gzip file). */
type CsvRows = { readonly rows: readonly (readonly string[])[]; readonly truncated?: string };

/**
 * Reads the rows of a CSV file, gzipped or not, blank ones included; delimiter and line end follow from its beginning. A
 * quoted cell may span lines. As a stream, papaparse splits the whole rest of a chunk again for every few rows that are
 * taken, 45 µs a row: here it parses each chunk of lines at once.
 */
export async function* readCsvRows(path: string): AsyncGenerator<CsvRows> {
  let parser: CsvParser | undefined;
  let held = '';
  let waiting: string[] = [];
  let length = 0;
  for await (const piece of readLinePieces(path)) {
    if ('truncated' in piece) {
      yield { rows: [], ...piece };
      continue;
    }
    let text = `${piece.bytes.toString('utf8')}\n`;
    if (!parser) {
      text = text.replace(/^\ufeff/, '');
      parser = await createParser(text);
    }
    waiting.push(text);
    length += text.length;
    // A quoted cell may be open at the end of a chunk, or never be closed: parsing it again with every chunk is quadratic.
    if (length < held.length) continue;
    const whole = held + waiting.join('');
    const { data, meta } = parser.parse(whole, 0, true);
    held = whole.slice(meta.cursor);
    waiting = [];
    length = 0;
    yield { rows: data };
  }
  if (!parser || held + waiting.join('') === '') return;
  // The last line of a file with CRLF may end without either of the two.
  const rest = (held + waiting.join('')).replace(/\r?\n$/, parser.newline);
  const { data, meta } = parser.parse(rest, 0, true);
  const open = rest.slice(meta.cursor);
  yield { rows: open === '' ? data : [...data, ...parser.parse(open, 0, false).data] };
}

/** The delimiter follows from the header alone: JSON in a cell of a later row would make a comma of a tab. */
async function createParser(beginning: string): Promise<CsvParser> {
  const { default: papaparse } = await import('papaparse');
  const [header = ''] = /^.*\S.*$/m.exec(beginning) ?? [];
  const { delimiter } = papaparse.parse(header, { preview: 1 }).meta;
  const { linebreak } = papaparse.parse(beginning, { preview: 1, skipEmptyLines: true, delimiter }).meta;
  const parser = new papaparse.Parser({ delimiter, newline: linebreak as '\n' });
  return { newline: linebreak, parse: (...text) => parser.parse(...text) };
}

/** Returns whether a row is a line without text. */
export function isEmptyRow(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0] === '';
}
