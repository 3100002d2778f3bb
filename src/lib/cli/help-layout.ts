/** The help group of the flags that every command has; a command's help names them in one line. */
export const GLOBAL_GROUP = 'Global';
/** The last group of a command's flags. */
export const OUTPUT_GROUP = 'Output';

/** Widest left column of a list; a longer label stands on a line of its own. */
const WIDEST_LABEL = 26;
const SPACING = 2;

/** Returns a list of labels and texts in two columns, at most `width` characters wide. */
export function definitionList(rows: readonly (readonly [string, string])[], width: number): string[] {
  const fitting = rows.map(([label]) => label.length).filter((length) => length <= WIDEST_LABEL);
  const column = Math.max(0, ...fitting) + SPACING;
  const margin = ' '.repeat(column);
  return rows.flatMap(([label, text]) => {
    const lines = paragraphs(text, width - column);
    if (label.length > WIDEST_LABEL) return [label, ...lines.map((line) => margin + line)];
    const [first = '', ...more] = lines;
    return [(label.padEnd(column) + first).trimEnd(), ...more.map((line) => margin + line)];
  });
}

/** Returns a text as lines of at most `width` characters; a line break within a paragraph is a space. */
export function paragraphs(text: string, width: number): string[] {
  return text
    .split(/\n\s*\n/)
    .flatMap((paragraph, index) => [...(index ? [''] : []), ...filled(paragraph.trim().split(/\s+/), width, '')]);
}

/** Returns a shell command as lines that a shell reads as one command. What is quoted is never broken. */
export function commandLines(command: string, width: number): string[] {
  const words = command.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  return filled(words, width, ' \\');
}

function filled(words: readonly string[], width: number, continuation: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length + continuation.length > width) {
      lines.push(line + continuation);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
