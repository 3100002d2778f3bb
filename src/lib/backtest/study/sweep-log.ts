import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { systemReason } from '../../disk/system-reason.js';
import { FailureError } from '../../model/errors.js';
import { decodeRecord, encodeRecord } from '../../model/ndjson.js';
import type { Run } from '../../model/records.js';
import { fingerprint } from './fingerprint.js';
import type { LoadedMarket } from './market-reader.js';
import type { Task } from './pool.js';

/**
 * File with the finished runs of a sweep, one per line. A sweep that was stopped continues from it. The key of a run is its
 * plan, its part of the data and a hash of the data.
 */
export class SweepLog {
  readonly #path: string;
  readonly #data: string;
  readonly #known = new Map<string, Run>();

  /** Throws a `FailureError` if the file exists and is not a sweep log. */
  constructor(path: string, market: LoadedMarket) {
    this.#path = path;
    this.#data = fingerprint(market);
    if (!existsSync(path)) return;
    const lines = readLog(path).split('\n');
    for (const [index, line] of lines.entries()) {
      // A stopped sweep may have cut off the last line.
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
      throw new FailureError(`cannot write ${this.#path}: ${systemReason(error)}`, { cause: error });
    }
  }

  #keyOf({ plan, path, since, until }: Task): string {
    return hash(JSON.stringify([this.#data, plan, path ?? null, since ?? null, until ?? null]));
  }
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function entryOf(line: string, place: string): [key: string, run: Run] | undefined {
  try {
    const { key, run } = JSON.parse(line) as { key: unknown; run: unknown };
    const record = decodeRecord(JSON.stringify(run));
    if (typeof key === 'string' && record.type === 'run') return [key, record];
  } catch {}
  // A stopped sweep cut off this line; a later sweep continued in the next one.
  if (line.startsWith('{"key":"')) return undefined;
  throw new FailureError(`${place}: expected a run of a sweep; --resume needs the file of an earlier sweep`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
