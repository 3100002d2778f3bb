import type { Exchange } from '../../exchanges/exchange.js';
import type { PolledPage, PolledRecord } from '../../exchanges/polling.js';
import type { AnyRecord } from '../../model/records.js';
import type { WireEvent } from '../../tape/tape.js';
import type { Downtime } from '../repair/downtime.js';
import type { Selection } from '../selection.js';
import type { FrameNotes } from './frame-notes.js';
import type { MarketClocks } from './market-clock.js';

type Answer = Pick<Extract<WireEvent, { kind: 'http' }>, 'url' | 'status' | 'body'>;

type PollFilterOptions = {
  readonly selection: Selection;
  readonly notes: FrameNotes;
  readonly clocks: MarketClocks;
  readonly downtime: Downtime;
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
};

/** The filter of REST polling: turns answers into records of the capture. */
export class PollFilter {
  readonly #options: PollFilterOptions;

  constructor(options: PollFilterOptions) {
    this.#options = options;
  }

  /** Emits the records of an answer that arrived at the local time `at`. */
  apply(exchange: Exchange, answer: Answer, at: number, records: AnyRecord[]): void {
    const { selection, notes, clocks, downtime, emit } = this.#options;
    const page = polledPage(exchange, answer, selection);
    for (const reason of page?.rejected ?? []) notes.trouble(notes.statistics.rejected, 'poll', reason);
    for (const { market, timestamp } of page?.records ?? []) clocks.of(exchange.id, market).observe(timestamp, at);
    for (const record of page?.records ?? []) {
      const gap = downtime.ended(record, record.type, record.timestamp);
      if (gap) emit(gap, records);
      emit(record, records);
    }
  }
}

/** Returns the wanted records of an answer over HTTP, undefined where it answers no poll. */
function polledPage(
  { id, polling }: Exchange,
  { url, status, body }: Answer,
  selection: Selection,
): Omit<PolledPage, 'market'> | undefined {
  if (selection.polled.length === 0 || status !== 200 || !URL.canParse(url)) return undefined;
  const { pathname: path, searchParams } = new URL(url);
  try {
    const page = polling?.parse({ path, query: Object.fromEntries(searchParams) }, body, selection.polled);
    if (!page) return undefined;
    const isWanted = ({ market, symbol }: PolledRecord) =>
      selection.wantsMarket(market) && selection.wantsOfMany(id, market, symbol);
    return { records: page.records.filter(isWanted), rejected: page.rejected };
  } catch (error) {
    return { records: [], rejected: [(error as Error).message] };
  }
}
