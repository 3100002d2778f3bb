import { openLive } from '../../../lib/capture/live/run.js';
import { buildVenue, runLimits } from '../../../lib/cli/live/pacing-settings.js';
import type { Settings } from '../../../lib/cli/settings.js';
import type { Stderr } from '../../../lib/cli/stderr.js';
import { readTerms } from '../../../lib/cli/trading-terms.js';
import type { Exchange, HttpRequest } from '../../../lib/exchanges/exchange.js';
import { rulesOf } from '../../../lib/execution/live/rules.js';
import type { Quote } from '../../../lib/execution/live/venue.js';
import type { RunConfig } from '../../../lib/execution/state.js';
import { RestClient } from '../../../lib/history/rest-client.js';
import type { Trade } from '../../../lib/model/records.js';
import { Exact } from '../../../lib/model/ticks.js';
import type { HttpClient, HttpSender } from '../../../lib/transport/http.js';
import { refusalOf } from './config.js';

export type MarketContext = {
  readonly exchange: Exchange;
  readonly symbol: string;
  readonly store: string;
  readonly settings: Settings;
  readonly stderr: Stderr;
  readonly http: HttpClient & HttpSender;
  readonly origin: (exchange: Exchange, request: HttpRequest) => string;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  /** Accounts that runs of one process share, with their rate limits, by exchange, mode and key. */
  readonly accounts?: Map<string, Promise<unknown>> | undefined;
};

/** Returns what the next cycle is planned by: price, rules and status of the symbol, read anew. */
export async function readQuote(context: MarketContext, config: RunConfig): Promise<Quote> {
  const terms = await readTerms(context, false);
  const price = terms.lastPrice?.price;
  return {
    price: price === undefined ? undefined : new Exact(price).toString(),
    rules: rulesOf(config, terms),
    refusal: refusalOf(terms.instrument),
  };
}

/** Yields the trades of the symbol from the live public stream, until the signal. */
export async function* liveTrades(context: MarketContext): AsyncGenerator<readonly Trade[]> {
  const { exchange, symbol, settings, stderr, http, origin, userAgent, signal } = context;
  const note = (text: string) => stderr.log.debug(text);
  const live = await openLive({
    ...runLimits(settings),
    venues: [buildVenue(exchange, settings, {})],
    markets: ['linear'],
    symbols: [symbol],
    universe: { quote: 'all', kind: 'all', status: 'all' },
    channels: ['trade'],
    intervals: [],
    depth: 1,
    bookInterval: 0,
    refreshEvery: 3_600_000,
    rest: new RestClient({ http, origin, signal, onWait: note }),
    userAgent,
    taps: [],
    log: { info: note, warn: (text) => stderr.log.warn(text), notice: note, incomplete: note },
    signal,
  });
  for await (const records of live.records) {
    const trades = records.filter((record): record is Trade => record.type === 'trade');
    if (trades.length > 0) yield trades;
  }
}
