import { openBudget } from '../../lib/cli/budget.js';
import { ProgressLine, type ProgressOptions, remainingText } from '../../lib/cli/progress.js';
import type { Summary } from '../../lib/cli/summary.js';
import { isUrl } from '../../lib/history/archive-rows.js';
import { archiveRuns, backfill, fetchRuns, type Run } from '../../lib/history/backfill.js';
import { BackfillStore } from '../../lib/history/backfill-store.js';
import { type FetchTask, requestedFrom } from '../../lib/history/fetch-task.js';
import { recordAsked } from '../../lib/history/fetched-spans.js';
import { RestClient } from '../../lib/history/rest-client.js';
import { readStoredKeys } from '../../lib/history/stored-keys.js';
import type { Topic } from '../../lib/history/topic.js';
import { expandPaths } from '../../lib/input/paths.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import type { Span } from '../../lib/model/span.js';
import { createHttpClient, type HttpClient, type HttpSender } from '../../lib/transport/http.js';
import { requireArchiveFlags } from './archive-flags.js';
import { BackfillReport } from './backfill-report.js';
import type { BackfillContext } from './context.js';
import { buildFetchTasks, isOfArchives } from './fetch-tasks.js';
import { planSummary } from './plan-rows.js';

type Clients = { readonly http: HttpClient & HttpSender; readonly rest: RestClient; close(): Promise<void> };

/** A prepared fetch. `close` ends the connections. */
export type PreparedBackfill = {
  readonly tasks: readonly FetchTask[];
  /** The plan in one line, if there is one. */
  readonly planLine: string | undefined;
  run(progress: ProgressOptions): AsyncGenerator<readonly AnyRecord[]>;
  summarize(summary: Summary): void;
  close(): Promise<void>;
};

/** Finds the missing ranges. Throws a `UsageError` on incomplete flags, an `UnreachableError` without instrument lists. */
export async function prepareBackfill(asked: BackfillContext): Promise<PreparedBackfill> {
  const paths = await Promise.all(asked.paths.map(async (path) => (isUrl(path) ? [path] : await expandPaths([path]))));
  const context = { ...asked, paths: paths.flat() };
  const isArchives = isOfArchives(context);
  if (isArchives && context.flags.plan) throw new UsageError('--plan does not apply to archives, which are read whole');
  if (isArchives) await requireArchiveFlags(context);
  const clients = await openClients(context);
  try {
    const now = Date.now() * 1_000;
    const tasks = await buildFetchTasks(context, clients.http, now);
    const report = { current: new BackfillReport() };
    return {
      tasks,
      // Without an instrument list, the error about it is enough.
      planLine: isArchives || (tasks.length === 0 && context.summary.hasUnreachable) ? undefined : planSummary(tasks, now),
      run: (options) => runAll(context, clients, tasks, { options, keep: (made) => (report.current = made) }),
      summarize: (summary) => {
        report.current.summarize(summary, tasks.filter(({ spans }) => spans.length > 0).length);
        const isCut = context.stopped.aborted || summary.hasUnreachable;
        for (const text of isCut ? [] : report.current.shortfalls(tasks)) context.notice(text);
      },
      close: () => clients.close(),
    };
  } catch (error) {
    await clients.close();
    throw error;
  }
}

async function openClients({ flags, version, stopped, origin, warn }: BackfillContext): Promise<Clients> {
  const budget = await openBudget(flags.queue, warn);
  const http = await createHttpClient({ userAgent: `mdtool/${version}`, signal: stopped });
  const close = async () => {
    await http.close();
    await budget?.close();
  };
  return { http, rest: new RestClient({ http, origin, signal: stopped, budget, onWait: warn }), close };
}

type Running = { readonly options: ProgressOptions; keep(report: BackfillReport): void };

async function* runAll(
  context: BackfillContext,
  clients: Clients,
  tasks: readonly FetchTask[],
  { options, keep }: Running,
): AsyncGenerator<readonly AnyRecord[]> {
  const { flags, intoStore, stopped, summary, warn } = context;
  const progress = new ProgressLine(options);
  let records = 0;
  const listener = new BackfillReport((share) =>
    progress.update(
      (elapsed) => `backfill: ${(share * 100).toFixed(1)} %, ${counted(records, 'record')}${remainingText(share, elapsed)}`,
    ),
  );
  keep(listener);
  const runs = isOfArchives(context) ? archivesOf(context, listener) : fetchRunsOf(context, clients, tasks, listener);
  const store = intoStore && runs.length > 0 ? await BackfillStore.open(flags.store, warn) : undefined;
  try {
    for await (const batch of backfill(runs, { store, listener, now: microseconds })) {
      records += batch.length;
      yield batch;
    }
    if (store) await recordAsked(flags.store, requestedTopics(context, tasks));
    if (stopped.aborted) summary.incomplete('stopped before everything was fetched; the next run continues from here');
  } finally {
    progress.end();
    await store?.close();
  }
}

/** Returns from when on the flags request topics; ranges of coverage are parts of earlier requests. */
function requestedTopics({ paths }: BackfillContext, tasks: readonly FetchTask[]) {
  if (paths.length > 0) return [];
  return tasks.flatMap((task) => {
    const from = requestedFrom(task);
    return from === undefined ? [] : [{ topic: task.topic, from }];
  });
}

function fetchRunsOf(
  { flags, intoStore, stopped }: BackfillContext,
  { rest }: Clients,
  tasks: readonly FetchTask[],
  listener: BackfillReport,
): Run[] {
  const keys = async (topic: Topic, span: Span) => (intoStore ? await readStoredKeys(flags.store, topic, span) : new Map());
  return fetchRuns(tasks, { client: rest, now: microseconds, keys, inOrder: !intoStore, signal: stopped, listener });
}

function archivesOf({ paths, flags, intoStore, stopped, version, summary }: BackfillContext, listener: BackfillReport): Run[] {
  return archiveRuns(paths, {
    store: intoStore ? flags.store : undefined,
    wanted: { from: flags.since ?? 0, until: flags.until ?? Number.POSITIVE_INFINITY },
    now: microseconds,
    markets: flags.market,
    onIncomplete: (reason) => summary.incomplete(reason),
    userAgent: `mdtool/${version}`,
    signal: stopped,
    listener,
  });
}

function microseconds(): number {
  return Date.now() * 1_000;
}
