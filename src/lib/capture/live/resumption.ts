import type { Exchange, Subscription } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import type { Market } from '../../model/records.js';
import { MICROSECONDS_PER_MILLISECOND as MS, SECOND } from '../../model/time.js';
import { type CapturedKind, lastTimes } from '../../storage/reading/last-times.js';
import { lastTrades } from '../../storage/reading/last-trades.js';
import { SPARSE_CHANNEL } from '../repair/continuity.js';
import { gapChannelOf } from '../selection.js';
import type { Capture } from '../session/capture.js';
import { type CoveredUntil, readCoveredUntil, saveCoveredUntil } from './covered-until.js';

/** The types that a run polls, and the symbols. */
type PolledSymbols = { readonly types: readonly PolledType[]; readonly symbols: ReadonlyMap<Market, readonly string[]> };

/** A record type with gaps of its own, and its symbols. */
type Kind = CapturedKind & { readonly channel: string; readonly symbols: string[] };

/** Events of the last moments of a run may still be in flight when it ends. */
const IN_FLIGHT = 2 * SECOND;

/** Continues from the store: before a feed is subscribed or polled, the capture gets the time of its last record. */
export class Resumption {
  readonly #store: string;
  readonly #capture: Capture;
  readonly #resumed = new Set<string>();
  #coveredUntil: readonly CoveredUntil[] = [];

  constructor(store: string, capture: Capture) {
    this.#store = store;
    this.#capture = capture;
  }

  /** With repair, trades continue after the last stored ones. For every other feed the capture reports the pause as a gap. */
  async resume(exchange: Exchange, subscriptions: readonly Subscription[], polled: PolledSymbols): Promise<void> {
    for (const market of exchange.markets) {
      const kinds = this.#notResumed(`${exchange.id} ${market}`, [
        ...subscriptions.filter((subscription) => subscription.market === market).flatMap(kindsOf),
        ...polled.types.map((type) => ({ type, channel: type, symbols: [...(polled.symbols.get(market) ?? [])] })),
      ]);
      const isRepaired = ({ type }: Kind) => type === 'trade' && this.#capture.repair !== undefined;
      for (const { symbols } of kinds.filter(isRepaired)) await this.#continueTrades(exchange.id, market, symbols);
      const others = kinds.filter((kind) => !isRepaired(kind));
      if (others.length > 0) await this.#resumePauses(exchange.id, market, others);
    }
  }

  /** Notes until when the run covers sparse channels. Call before connections are closed. */
  end(): void {
    this.#coveredUntil = this.#capture.feedsOf(SPARSE_CHANNEL).flatMap(({ exchange, market, channel, symbol }) => {
      const until = this.#capture.time(exchange, market) - IN_FLIGHT;
      return until > 0 ? [{ exchange, market, channel, symbol, until }] : [];
    });
  }

  /** Saves those times in the store. Call when all records are stored. */
  async save(): Promise<void> {
    await saveCoveredUntil(this.#store, this.#coveredUntil);
  }

  async #continueTrades(exchange: string, market: Market, symbols: readonly string[]): Promise<void> {
    for (const [symbol, trades] of await lastTrades(this.#store, { exchange, market, symbols }))
      this.#capture.resume({ exchange, market, channel: 'trade', symbol }, trades);
  }

  async #resumePauses(exchange: string, market: Market, kinds: readonly Kind[]): Promise<void> {
    const times = await lastTimes(this.#store, { exchange, market }, kinds);
    for (const [index, { channel }] of kinds.entries())
      for (const [symbol, last] of times[index] ?? []) this.#capture.downtime.begin({ exchange, market, channel, symbol }, last);
    const sparse = kinds.find(({ type }) => type === SPARSE_CHANNEL);
    if (sparse) await this.#resumeSparse(exchange, market, sparse.symbols);
  }

  /** A symbol that no run covered before has no gap yet; coverage starts now. */
  async #resumeSparse(exchange: string, market: Market, symbols: readonly string[]): Promise<void> {
    const known = await readCoveredUntil(this.#store, { exchange, market, channel: SPARSE_CHANNEL });
    const now = Date.now() * MS;
    const fresh: CoveredUntil[] = [];
    for (const symbol of symbols) {
      const feed = { exchange, market, channel: SPARSE_CHANNEL, symbol } as const;
      const until = known.get(symbol);
      if (until === undefined) fresh.push({ ...feed, until: now });
      else this.#capture.downtime.begin(feed, until);
    }
    await saveCoveredUntil(this.#store, fresh);
  }

  /** Returns the feeds that were not resumed yet, with the symbols of one channel together. */
  #notResumed(market: string, kinds: readonly Kind[]): Kind[] {
    const found = new Map<string, Kind>();
    for (const { symbols, ...kind } of kinds) {
      const name = `${market} ${kind.channel} ${kind.type}`;
      const known = found.get(name) ?? { ...kind, symbols: [] };
      known.symbols.push(...symbols.filter((symbol) => !this.#resumed.has(`${name} ${symbol}`)));
      for (const symbol of symbols) this.#resumed.add(`${name} ${symbol}`);
      if (known.symbols.length > 0) found.set(name, known);
    }
    return [...found.values()];
  }
}

function kindsOf({ channel, symbol, interval }: Subscription): Kind[] {
  const symbols = [symbol];
  switch (channel) {
    case 'candle':
      return [{ type: channel, interval, channel: gapChannelOf({ type: channel, interval }), symbols }];
    case 'book':
      return [{ type: 'book_snapshot', channel, symbols }];
    case 'book_delta':
      // Deltas start with a whole snapshot, and a thin book may have nothing after it.
      return [
        { type: 'book_delta', channel, symbols },
        { type: 'book_snapshot', isWhole: true, channel, symbols },
      ];
    default:
      return [{ type: channel, channel, symbols }];
  }
}
