import { stripVTControlCharacters } from 'node:util';

const INDENT = '  ';

/** Returns a sentence in lines of at most `width` characters, broken between words; what follows the first is indented. */
export function wrapped(sentence: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(/ (?=\S)/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && lengthOf(longer) > width) {
      lines.push(line);
      line = `${INDENT}${word}`;
    } else line = longer;
  }
  return [...lines, line].join('\n');
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
