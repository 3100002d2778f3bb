import { readJsonElements } from '../input/json-input.js';
import { readLines } from '../input/lines.js';
import { excerpt } from '../model/ndjson.js';
import { RECORD_TYPES } from '../model/records.js';
import type { Row, RowBatch, Table } from './table.js';

type Element = { readonly text: string; readonly line: number };
type ElementBatch = { readonly elements: readonly Element[]; readonly truncated?: string };

/** Rows whose keys name the columns. */
const SAMPLE = 50;

/** Returns a file of JSON arrays or objects as a table; undefined when its elements are records of mdtool. */
export async function openJson(path: string, isLines: boolean): Promise<Table | undefined> {
  const elements = () => (isLines ? lineElements(path) : readJsonElements(path));
  const sample = await sampleOf(elements());
  const first = sample.find((value) => typeof value === 'object' && value !== null);
  if (isRecord(first)) return undefined;
  const header = Array.isArray(first) ? undefined : keysOf(sample);
  return { path, header, unit: 'line', utcColumns: new Set(), wallColumns: new Set(), rows: () => rowsOf(elements(), header) };
}

async function* lineElements(path: string): AsyncGenerator<ElementBatch> {
  let line = 0;
  for await (const { lines, truncated } of readLines(path)) {
    const elements: Element[] = [];
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') elements.push({ text, line });
    }
    yield truncated === undefined ? { elements } : { elements, truncated };
  }
}

async function sampleOf(batches: AsyncGenerator<ElementBatch>): Promise<unknown[]> {
  const sample: unknown[] = [];
  for await (const { elements } of batches) {
    for (const { text } of elements) {
      sample.push(parsed(text));
      if (sample.length >= SAMPLE) return sample;
    }
  }
  return sample;
}

function isRecord(value: unknown): boolean {
  const type = (value as { type?: unknown } | undefined)?.type;
  return typeof type === 'string' && (RECORD_TYPES as readonly string[]).includes(type);
}

function keysOf(sample: readonly unknown[]): string[] {
  const keys = sample.flatMap((value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [],
  );
  return [...new Set(keys)];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* rowsOf(batches: AsyncGenerator<ElementBatch>, header: readonly string[] | undefined): AsyncGenerator<RowBatch> {
  for await (const { elements, truncated } of batches) {
    const rows: Row[] = [];
    const rejected: { line: number; reason: string }[] = [];
    for (const { text, line } of elements) {
      const cells = cellsOf(parsed(text), header);
      if (cells) rows.push({ cells, line });
      else rejected.push({ line, reason: `expected a JSON ${header ? 'object' : 'array'}, was ${excerpt(text)}` });
    }
    yield truncated === undefined ? { rows, rejected } : { rows, rejected, truncated };
  }
}

function cellsOf(value: unknown, header: readonly string[] | undefined): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (header === undefined) return Array.isArray(value) ? value.map(cellOf) : undefined;
  return Array.isArray(value) ? undefined : header.map((name) => cellOf((value as Record<string, unknown>)[name]));
}

/** A number of more than 15 digits has lost some of them already: it becomes a text that no column takes. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return `${value} (digits were lost)`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
