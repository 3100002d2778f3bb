import type { Live } from '../../capture/live/live.js';
import { type Statistics, total } from '../../capture/statistics.js';
import { counted } from '../../model/counted.js';
import type { Summary } from '../summary.js';
import { lagFields } from './status-text.js';

/** Adds the statistics of a capture to the summary, and the reasons why the run is incomplete. */
export function summarize(statistics: Statistics, summary: Summary, allowGaps: boolean): void {
  const { frames, bytes, duplicates, history, unordered, missingGaps } = statistics;
  const { unknown, silent, refused, rejected, broken, books, repairedGaps, repairedTrades, earlierGaps } = statistics;
  summary.note({
    frames,
    bytes,
    duplicate_trades: duplicates,
    history_trades_left_out: history,
    gaps_repaired: repairedGaps,
    trades_repaired: repairedTrades,
    gaps_missing: missingGaps,
    gaps_missing_before: earlierGaps,
    lines_out_of_order: unordered,
    unknown: Object.fromEntries(unknown),
    silent: Object.fromEntries(silent),
    refused: Object.fromEntries(refused),
    rejected: Object.fromEntries(rejected),
    broken: Object.fromEntries(broken),
    book_messages: Object.fromEntries(books),
  });
  if (broken.size > 0) summary.incomplete(`${counted(total(broken), 'tape line')} could not be read`);
  if (rejected.size > 0)
    summary.incomplete(`${counted(total(rejected), 'frame or record', 'frames or records')} could not be mapped`);
  if (missingGaps > 0 && !allowGaps)
    summary.incomplete(`${counted(missingGaps, 'gap')} in the data could not be repaired (gap records with missing: true)`);
}

/** Adds the result of a live capture to the summary, and the reasons why it is incomplete. */
export function summarizeLive(live: Live, summary: Summary, allowGaps: boolean): void {
  const status = live.status();
  const { subscriptions, queue, polls } = status;
  summarize(live.statistics, summary, allowGaps);
  summary.note({
    symbols: status.symbols,
    connects: status.connects,
    reconnects: status.reconnects,
    failed_connects: status.failures,
    ...Object.fromEntries(Object.entries(subscriptions).map(([state, count]) => [`subscriptions_${state}`, count])),
    ...Object.fromEntries(status.lags.flatMap(lagFields)),
    ...(polls.answered + polls.failed > 0 && { polls_answered: polls.answered, polls_failed: polls.failed }),
    queue_most: queue.peak,
    dropped_records: queue.dropped,
  });
  if (queue.dropped > 0 && !allowGaps)
    summary.incomplete(`${counted(queue.dropped, 'record')} dropped because the outputs were too slow`);
  if (polls.failed > 0) summary.incomplete(`${counted(polls.failed, 'poll')} failed`);
  for (const reason of live.unreachable) summary.unreachable(reason);
}
