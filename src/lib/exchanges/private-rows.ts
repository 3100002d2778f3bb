import { FailureError } from '../model/errors.js';
import { excerpt } from '../model/ndjson.js';
import { finite } from '../model/numbers.js';
import { Exact } from '../model/ticks.js';
import type { DecimalText, Outcome, OutcomeCause, OutcomeClass, PrivatePage } from './private-side.js';

type Fields = Readonly<Record<string, unknown>>;

/** Returns a decimal as text without an exponent; undefined for a missing or empty one. */
export function decimal(value: unknown): DecimalText | undefined {
  if (finite(value) === undefined) return undefined;
  const text = String(value);
  return /[eE+]/.test(text) ? new Exact(text).toString() : text;
}

/** As `decimal`, but a value that is not above zero means that there is none: prices. */
export function priceOrNone(value: unknown): DecimalText | undefined {
  const text = decimal(value);
  return text !== undefined && Number(text) > 0 ? text : undefined;
}

export function isZero(value: DecimalText): boolean {
  return new Exact(value).isZero();
}

export function negated(value: DecimalText): DecimalText {
  return isZero(value) ? '0' : new Exact(value).negated().toString();
}

/** Returns `a - b`, undefined where one is missing. */
export function difference(a: DecimalText | undefined, b: DecimalText | undefined): DecimalText | undefined {
  return a === undefined || b === undefined ? undefined : new Exact(a).minus(b).toString();
}

/** Returns a text, undefined for a missing or empty one. */
export function filledText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Maps rows one by one, so that a bad one rejects no other. A row that is none of ours maps to undefined. */
export function pageOf<Item extends object>(
  rows: readonly unknown[],
  map: (row: Fields) => Item | string | undefined,
  time?: number,
): PrivatePage<Item> & { readonly items: Item[]; readonly rejected: string[] } {
  const items: Item[] = [];
  const rejected: string[] = [];
  for (const row of rows) {
    const mapped = isFields(row) ? map(row) : `expected an object, was ${excerpt(row)}`;
    if (typeof mapped === 'string') rejected.push(mapped);
    else if (mapped !== undefined) items.push(mapped);
  }
  return { items, rejected, time };
}

/** Returns a JSON object. Throws a `FailureError` where the body is none: an answer that cannot be read is not an empty one. */
export function parseObject(body: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    value = undefined;
  }
  if (!isFields(value)) throw new FailureError(`${what}: expected a JSON object, was ${excerpt(body) || 'empty'}`);
  return value;
}

/** Returns a list, where `null` is an empty one. Throws a `FailureError` on anything else. */
export function listOrNull(value: unknown, what: string): readonly unknown[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  throw new FailureError(`${what}: expected a list or null, was ${value === undefined ? 'missing' : excerpt(value)}`);
}

/** What a code means. */
export type CodeMeaning = { readonly class: OutcomeClass; readonly cause?: OutcomeCause | undefined };

/** Returns the meanings by code; each line is `class`, an optional cause and the codes, separated by blanks. */
export function codeTable(
  lines: readonly (readonly [OutcomeClass, OutcomeCause | undefined, string])[],
): ReadonlyMap<string, CodeMeaning> {
  return new Map(
    lines.flatMap(([outcome, cause, codes]) =>
      codes
        .trim()
        .split(/\s+/)
        .map((code) => [code, { class: outcome, cause }] as const),
    ),
  );
}

/** Returns the outcome of a leg of a batch or of a whole answer. */
export function outcomeOf(meaning: CodeMeaning | undefined, code: string | undefined, message: string): Outcome {
  return { class: meaning?.class ?? 'unknown', cause: meaning?.cause, code, message };
}

/** Returns spans of at most `longest` that make up a range, the oldest first. */
export function windows(since: number, until: number, longest: number): { since: number; until: number }[] {
  const spans: { since: number; until: number }[] = [];
  for (let from = since; from < until; from += longest) spans.push({ since: from, until: Math.min(from + longest, until) });
  return spans;
}

/** Throws a `RangeError` on an empty text: a request without it would act on more than was meant. */
export function required(value: string | undefined, what: string): string {
  if (value === undefined || value.trim() === '') throw new RangeError(`a request needs ${what}`);
  return value;
}

/** Returns the query with its names in order, without missing values: signatures are computed over sorted names. */
export function sortedQuery(query: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
