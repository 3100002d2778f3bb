import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { FailureError } from '../../model/errors.js';
import { decodeRecord, encodeRecord } from '../../model/ndjson.js';
import type { Run } from '../../model/records.js';
import type { LoadedMarket } from './market-reader.js';
import type { Task } from './pool.js';

/**
 * A file with the runs of a sweep, one line each, written as they are done: a sweep that was stopped goes on from it. A run
 * is known again by its plan, its part of the data, and the data itself.
 */
export class SweepLog {
  readonly #path: string;
  readonly #data: string;
  readonly #known = new Map<string, Run>();

  /** Throws a `FailureError` when the file is there and is something else. */
  constructor(path: string, market: LoadedMarket) {
    this.#path = path;
    this.#data = fingerprint(market);
    if (!existsSync(path)) return;
    const lines = readFileSync(path, 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      // The last line may have been cut off when the sweep was stopped.
      if (line === '' || index === lines.length - 1) continue;
      const entry = entryOf(line, `${path}:${index + 1}`);
      if (entry !== undefined) this.#known.set(...entry);
    }
    if (lines.at(-1) !== '') appendFileSync(path, '\n');
  }

  find(task: Task): Run | undefined {
    return this.#known.get(this.#keyOf(task));
  }

  add(task: Task, run: Run): void {
    try {
      appendFileSync(this.#path, `{"key":"${this.#keyOf(task)}","run":${encodeRecord(run)}}\n`);
    } catch (error) {
      throw new FailureError(`cannot write ${this.#path}: ${(error as Error).message}`, { cause: error });
    }
  }

  #keyOf({ plan, path, since, until }: Task): string {
    return hash(JSON.stringify([this.#data, plan, path ?? null, since ?? null, until ?? null]));
  }
}

function entryOf(line: string, place: string): [key: string, run: Run] | undefined {
  try {
    const { key, run } = JSON.parse(line) as { key: unknown; run: unknown };
    const record = decodeRecord(JSON.stringify(run));
    if (typeof key === 'string' && record.type === 'run') return [key, record];
  } catch {}
  // A line that a stop cut off, before a later sweep went on in the next one.
  if (line.startsWith('{"key":"')) return undefined;
  throw new FailureError(`${place}: expected a run of a sweep; --resume names the file that an earlier sweep wrote`);
}

function fingerprint({ data, signals }: LoadedMarket): string {
  const digest = createHash('sha256');
  const { feed, marks, fundings, books, ...rest } = data;
  for (const column of Object.values({ ...feed, ...prefixed('mark', marks), ...prefixed('funding', fundings) }))
    if (ArrayBuffer.isView(column)) digest.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  return digest.update(JSON.stringify([rest, feed.kind, books, signals])).digest('hex');
}

function prefixed(name: string, columns: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(columns).map(([key, value]) => [`${name}_${key}`, value]));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
