import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FailureError } from '../../../model/errors.js';
import { formatTime } from '../../../model/time.js';
import { createDirectory, replaceFile } from '../../../storage/files/durable-file.js';
import { runsFolder } from '../../store/sqlite-store.js';

/**
 * The version of what the probe confirms. It goes up when requests, code tables or parsers of a private side change in a way
 * that an earlier result says nothing of: real money then waits for a new one.
 */
export const CONFORMANCE_VERSION = 1;

/**
 * `as assumed`: a rule of the executor stands on it, and it is so. `contradicts`: it is not so. `noted`: the executor copes with
 * every answer. `not settled`: this account cannot show it.
 */
type Verdict = 'as assumed' | 'contradicts' | 'noted' | 'not settled';

/** One question that no document answers, and what an account showed. */
export type Fact = {
  readonly id: string;
  readonly question: string;
  readonly seen: string;
  readonly verdict: Verdict;
  /** The scenario of the design that the answer touches. */
  readonly scenario: string;
};

/** What a demo account has shown. `timestamp` is microseconds. */
export type ConformanceResult = {
  readonly conformanceVersion: number;
  readonly exchange: string;
  readonly family: string;
  /** Absent on results of an earlier version, which are of one-way mode. */
  readonly positionMode?: 'one_way' | 'hedge' | undefined;
  readonly symbol: string;
  readonly timestamp: number;
  readonly facts: readonly Fact[];
};

type Of = Pick<ConformanceResult, 'exchange' | 'family' | 'positionMode'>;

/** Beside the journals of the runs: throws a `UsageError` for a bucket, as they do. */
function folderOf(store: string): string {
  return join(dirname(runsFolder(store)), 'conformance');
}

function fileOf(store: string, { exchange, family, positionMode }: Of): string {
  return join(folderOf(store), `${exchange}-${family}${positionMode === 'hedge' ? '-hedge' : ''}.json`);
}

/** Keeps a result in the store; it replaces the one before. */
export async function keepConformance(store: string, result: ConformanceResult): Promise<void> {
  await createDirectory(folderOf(store));
  await replaceFile(fileOf(store, result), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** Returns the last result of an exchange's account family. Throws a `FailureError` where its file cannot be read. */
async function readConformance(store: string, of: Of): Promise<ConformanceResult | undefined> {
  const file = fileOf(store, of);
  if (!existsSync(file)) return undefined;
  try {
    const result = JSON.parse(await readFile(file, 'utf8')) as ConformanceResult;
    const isOfMode = (result.positionMode ?? 'one_way') === (of.positionMode ?? 'one_way');
    if (!Array.isArray(result.facts) || result.exchange !== of.exchange || result.family !== of.family || !isOfMode)
      throw new TypeError('it is no result of that account family and position mode');
    return result;
  } catch (error) {
    throw new FailureError(`${file} cannot be read: ${(error as Error).message}; run keys test --conformance again`);
  }
}

/** Returns why real money begins nothing on an account family, undefined where a demo account has confirmed what is assumed. */
export async function conformanceObstacle(store: string, of: Of): Promise<string | undefined> {
  const result = await readConformance(store, of);
  const isHedge = of.positionMode === 'hedge';
  const name = `${of.exchange} (${of.family}${isHedge ? ', hedge mode' : ''})`;
  const how = `mdtool keys test --demo --conformance --exchange ${of.exchange}${isHedge ? ', with the demo account in hedge mode' : ''}`;
  if (result === undefined) return `no demo account has confirmed in this store what the documents of ${name} leave open: ${how}`;
  if (result.conformanceVersion !== CONFORMANCE_VERSION)
    return `what a demo account of ${name} confirmed at ${formatTime(result.timestamp)} is of an earlier mdtool: ${how}`;
  const found = result.facts.filter(({ verdict }) => verdict === 'contradicts');
  const words = found.map(({ id, scenario }) => `${id} (${scenario})`).join(', ');
  return found.length === 0 ? undefined : `a demo account of ${name} contradicts what mdtool assumes: ${words}`;
}
