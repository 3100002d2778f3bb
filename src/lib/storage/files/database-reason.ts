import { asQuestion } from '../../model/suggestion.js';

/** DuckDB's errors by pattern, and what they mean to the reader of a file or a statement. */
const REASONS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /No magic bytes|too small to be a Parquet|[Ff]ooter|[Tt]hrift|don't know what type|Parquet file is corrupt|snappy|ZSTD/,
    () => 'it is not a Parquet file, or it is damaged',
  ],
  [
    /Could not convert string '(.*?)' to (\w+).* source column (\S+)/s,
    ([, text, , name]) => `column ${name}: unexpected value "${text}"`,
  ],
  [/field format: "(.*?)".* source column (\S+)/s, ([, text, name]) => `column ${name}: expected a time, found "${text}"`],
  [
    /Unimplemented type for cast \((.*?) -> (.*?)\).* source column (\w+)/s,
    ([, given, expected, name]) => `column ${name}: expected ${expected}, found ${given}`,
  ],
  [
    /with value (\S+) can't be cast .* out of range .* source column (\S+)/s,
    ([, value, name]) => `column ${name}: ${value} is out of range`,
  ],
  [/No files found that match/, () => 'no such file'],
];

/** DuckDB's names of its error classes: "Conversion Error: ", "Invalid Input Error: ". */
const CLASS = /^[A-Z][\w-]*(?: [\w-]+){0,3} Error: /;

/** Whether an error comes from DuckDB, by the class in front of its message. */
export function isDatabaseError(error: Error): boolean {
  return CLASS.test(error.message);
}

/** Returns the reason of a DuckDB error in plain words, without its class; unknown errors keep their first line. */
export function databaseReason(error: unknown): string {
  const message = String((error as Error | undefined)?.message ?? error);
  for (const [pattern, reason] of REASONS) {
    const match = pattern.exec(message);
    if (match) return reason(match);
  }
  return `${(message.split('\n')[0] ?? '').replace(CLASS, '').replace(/!$/, '')}${candidates(message)}`;
}

/** DuckDB names similar columns and functions on a line of their own, which the first line alone would lose. */
function candidates(message: string): string {
  const [, list = '', question = ''] = /^Candidate \w+: (.*)$|^Did you mean (.*?)\??$/m.exec(message) ?? [];
  const names = [...(list === '' ? question : list).matchAll(/"([^"]+)"/g)].map(([, name]) => name as string);
  return asQuestion(names.slice(0, 3));
}
