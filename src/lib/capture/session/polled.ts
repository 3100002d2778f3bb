import type { Exchange } from '../../exchanges/exchange.js';
import type { PolledPage, PolledRecord } from '../../exchanges/polling.js';
import type { AnyRecord } from '../../model/records.js';
import type { WireEvent } from '../../tape/tape.js';
import type { Pauses } from '../repair/pauses.js';
import type { Selection } from '../selection.js';
import type { FrameNotes } from './frame-notes.js';
import type { MarketClocks } from './market-clocks.js';

type Answer = Pick<Extract<WireEvent, { kind: 'http' }>, 'url' | 'status' | 'body'>;

export type PolledIntakeOptions = {
  readonly selection: Selection;
  readonly notes: FrameNotes;
  readonly clocks: MarketClocks;
  readonly pauses: Pauses;
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
};

/** Takes what is asked for by REST again and again into a capture. */
export class PolledIntake {
  readonly #options: PolledIntakeOptions;

  constructor(options: PolledIntakeOptions) {
    this.#options = options;
  }

  /** Passes on what an answer that came `at` tells. */
  apply(exchange: Exchange, answer: Answer, at: number, records: AnyRecord[]): void {
    const { selection, notes, clocks, pauses, emit } = this.#options;
    const page = polledPage(exchange, answer, selection);
    for (const reason of page?.rejected ?? []) notes.trouble(notes.statistics.rejected, 'poll', reason);
    for (const { market, timestamp } of page?.records ?? []) clocks.of(exchange.id, market).observe(timestamp, at);
    for (const record of page?.records ?? []) {
      const gap = pauses.ended(record, record.type, record.timestamp);
      if (gap) emit(gap, records);
      emit(record, records);
    }
  }
}

/** Returns what an answer over HTTP tells of what was polled and is wanted; undefined where it answers another question. */
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
