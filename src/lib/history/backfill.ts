import { historyOf } from '../exchanges/history.js';
import { UnreachableError } from '../model/errors.js';
import type { AnyRecord, Gap } from '../model/records.js';
import { lengthOf, type Span } from '../model/span.js';
import { namedArchive } from './archive-rows.js';
import type { BackfillStore } from './backfill-store.js';
import { DeliveredTrades } from './delivered-trades.js';
import type { FetchTask, UnavailableRange } from './fetch-task.js';
import { RefusedError } from './rest-client.js';
import { type ArchiveOptions, runArchive } from './run-archive.js';
import { type Delivery, type FetchTaskOptions, type Rejection, remainder, runFetchTask } from './run-fetch-task.js';
import type { Topic } from './topic.js';

/** Receives what a run could not get, and its progress. */
export type BackfillListener = {
  unavailable(topic: Topic, range: UnavailableRange): void;
  refused(topic: Topic, reason: string): void;
  unreachable(reason: string): void;
  rejected(topic: Topic, rows: readonly Rejection[]): void;
  /** The earliest record of an answer, microseconds. */
  received(topic: Topic, earliest: number): void;
  /** The share that is done, from 0 to 1. */
  progress(share: number): void;
};

type BackfillOptions = {
  /** Absent when records are not stored: then they are yielded in order. */
  readonly store?: BackfillStore | undefined;
  readonly listener: BackfillListener;
  /** Microseconds. */
  readonly now: () => number;
};

/** A sequence of deliveries and the length of the time it covers (microseconds). */
export type Run = { readonly length: number; readonly deliveries: AsyncGenerator<Delivery> };

/** The note of a range that an endpoint serves, but whose answers do not prove it complete. */
const UNPROVEN = 'the answers do not show that nothing is missing there; run the command again later';

/** Parallel runs: enough to use a limit of 20 requests a second when an answer takes 0.2 s. */
const AT_ONCE = 4;

/** Yields the records and repaired gaps of runs, after they are stored. */
export async function* backfill(runs: readonly Run[], { store, listener, now }: BackfillOptions): AsyncGenerator<AnyRecord[]> {
  const total = runs.reduce((sum, { length }) => sum + length, 0);
  const done = new Map<Topic, number>();
  const atOnce = store ? AT_ONCE : 1;
  let lastGap = 0;
  for await (const delivery of inParallel(
    runs.map(({ deliveries }) => deliveries),
    atOnce,
  )) {
    const { topic, records, rejected, covered, repaired } = delivery;
    if (rejected.length > 0) listener.rejected(topic, rejected);
    if (delivery.earliest !== undefined) listener.received(topic, delivery.earliest);
    const gaps = repaired.map((gap): Gap => {
      lastGap = Math.max(now(), lastGap + 1);
      return { ...gap, localTimestamp: lastGap, missing: false };
    });
    const all = [...records, ...gaps];
    await store?.add(all, topic, covered);
    done.set(topic, lengthOf(covered));
    listener.progress([...done.values()].reduce((sum, length) => sum + length, 0) / Math.max(1, total));
    if (all.length > 0) yield all;
  }
}

type FetchRunOptions = FetchTaskOptions & { readonly listener: BackfillListener; readonly signal: AbortSignal };

/** Returns the runs of fetch tasks, and reports the ranges that no history has. */
export function fetchRuns(tasks: readonly FetchTask[], options: FetchRunOptions): Run[] {
  for (const { topic, unavailable } of tasks) for (const range of unavailable) options.listener.unavailable(topic, range);
  const away = new Set<string>();
  return tasks
    .filter(({ spans }) => spans.length > 0)
    .map((task) => ({ length: lengthOf(task.spans), deliveries: guarded(task, options, away) }));
}

type ArchiveRunOptions = ArchiveOptions & { readonly listener: BackfillListener };

/**
 * Returns the runs of archive files, by path or URL. Files of one symbol are read one after the other, so that a day which
 * is in two of them (one of the month, one of the day) is stored once. An unreachable file does not stop the others.
 */
export function archiveRuns(paths: readonly string[], options: ArchiveRunOptions): Run[] {
  const symbols = new Map<string, string[]>();
  for (const path of paths) {
    const named = namedArchive(path);
    const key = named ? `${named.exchange.id} ${named.name.symbol}` : path;
    symbols.set(key, [...(symbols.get(key) ?? []), path]);
  }
  return [...symbols.values()].map((files) => ({
    length: lengthOf(files.flatMap((path) => namedArchive(path)?.name.span ?? [])),
    deliveries: guardedArchives(files, options),
  }));
}

async function* guardedArchives(paths: readonly string[], options: ArchiveRunOptions): AsyncGenerator<Delivery> {
  const delivered = new DeliveredTrades(paths);
  for (const [at, path] of paths.entries()) {
    if (options.signal.aborted) return;
    delivered.next = paths[at + 1];
    try {
      yield* runArchive(path, delivered, options);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (!options.signal.aborted) options.listener.unreachable(error.message);
    }
  }
}

/** Runs a task. A failure does not stop the other tasks, except those of an unreachable exchange. */
async function* guarded(task: FetchTask, options: FetchRunOptions, away: Set<string>): AsyncGenerator<Delivery> {
  const { topic } = task;
  const { listener, signal } = options;
  const began = options.now();
  let covered: readonly Span[] = [];
  try {
    if (away.has(topic.exchange.id) || signal.aborted) return;
    for await (const delivery of runFetchTask(task, options)) {
      covered = delivery.covered;
      yield delivery;
    }
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (signal.aborted) return;
    if (error instanceof RefusedError) return listener.refused(topic, error.message);
    if (!away.has(topic.exchange.id)) listener.unreachable(error.message);
    away.add(topic.exchange.id);
    return;
  }
  const rest = remainder(task, covered, began);
  if (rest.length > 0 && !signal.aborted) {
    const { kind, note } = historyOf(topic.exchange).reach(topic.type, topic.market, topic.interval, began);
    listener.unavailable(topic, { spans: rest, note: kind === 'since' ? UNPROVEN : note });
  }
}

/** Yields the items of several generators as they arrive. At most `most` generators run at a time, started in order. */
export async function* inParallel<Item>(generators: Iterable<AsyncGenerator<Item>>, most: number): AsyncGenerator<Item> {
  type Next = { readonly generator: AsyncGenerator<Item>; readonly result: IteratorResult<Item> };
  const waiting = generators[Symbol.iterator]();
  const running = new Map<AsyncGenerator<Item>, Promise<Next>>();
  const advance = (generator: AsyncGenerator<Item>) =>
    void running.set(
      generator,
      generator.next().then((result) => ({ generator, result })),
    );
  const begin = () => {
    const { value, done } = waiting.next();
    if (!done) advance(value);
  };
  for (let started = 0; started < most; started++) begin();
  try {
    while (running.size > 0) {
      const { generator, result } = await Promise.race(running.values());
      running.delete(generator);
      if (result.done) begin();
      else {
        advance(generator);
        yield result.value;
      }
    }
  } finally {
    await Promise.all([...running].map(([generator, next]) => next.then(() => generator.return(undefined)).catch(() => {})));
  }
}
