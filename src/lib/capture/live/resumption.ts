import type { Exchange, Subscription } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import type { Market } from '../../model/records.js';
import { MICROSECONDS_PER_MILLISECOND as MS, SECOND } from '../../model/time.js';
import { type CapturedKind, lastTimes } from '../../storage/reading/last-times.js';
import { lastTrades } from '../../storage/reading/last-trades.js';
import { SELDOM } from '../repair/continuity.js';
import { gapChannelOf } from '../selection.js';
import type { Capture } from '../session/capture.js';
import { type CoveredUntil, readCoveredUntil, saveCoveredUntil } from './covered-until.js';

/** What a run polls of which symbols. */
export type PolledSymbols = { readonly types: readonly PolledType[]; readonly symbols: ReadonlyMap<Market, readonly string[]> };

/** Records that have gaps of their own, of some symbols. */
type Kind = CapturedKind & { readonly channel: string; readonly symbols: string[] };

/** What happened so shortly before the end of a run may have been on its way. */
const IN_FLIGHT = 2 * SECOND;

/** Tells a capture what the store knows of the time before, of everything before it is subscribed or polled. */
export class Resumption {
  readonly #store: string;
  readonly #capture: Capture;
  readonly #asked = new Set<string>();
  #attended: readonly CoveredUntil[] = [];

  constructor(store: string, capture: Capture) {
    this.#store = store;
    this.#capture = capture;
  }

  /** Where trades are repaired they go on after the last ones; of everything else a pause is told. */
  async resume(exchange: Exchange, subscriptions: readonly Subscription[], polled: PolledSymbols): Promise<void> {
    for (const market of exchange.markets) {
      const kinds = this.#unasked(`${exchange.id} ${market}`, [
        ...subscriptions.filter((subscription) => subscription.market === market).flatMap(kindsOf),
        ...polled.types.map((type) => ({ type, channel: type, symbols: [...(polled.symbols.get(market) ?? [])] })),
      ]);
      const isRepaired = ({ type }: Kind) => type === 'trade' && this.#capture.repair !== undefined;
      for (const { symbols } of kinds.filter(isRepaired)) await this.#goOn(exchange.id, market, symbols);
      const others = kinds.filter((kind) => !isRepaired(kind));
      if (others.length > 0) await this.#pause(exchange.id, market, others);
    }
  }

  /** Takes note of what the run has attended up to its end. To be called before connections are closed. */
  end(): void {
    this.#attended = this.#capture.feedsOf(SELDOM).flatMap(({ exchange, market, channel, symbol }) => {
      const until = this.#capture.time(exchange, market) - IN_FLIGHT;
      return until > 0 ? [{ exchange, market, channel, symbol, until }] : [];
    });
  }

  /** Makes the store remember that. To be called when everything is stored. */
  async remember(): Promise<void> {
    await saveCoveredUntil(this.#store, this.#attended);
  }

  async #goOn(exchange: string, market: Market, symbols: readonly string[]): Promise<void> {
    for (const [symbol, trades] of await lastTrades(this.#store, { exchange, market, symbols }))
      this.#capture.resume({ exchange, market, channel: 'trade', symbol }, trades);
  }

  async #pause(exchange: string, market: Market, kinds: readonly Kind[]): Promise<void> {
    const times = await lastTimes(this.#store, { exchange, market }, kinds);
    for (const [index, { channel }] of kinds.entries())
      for (const [symbol, last] of times[index] ?? []) this.#capture.pauses.begin({ exchange, market, channel, symbol }, last);
    const seldom = kinds.find(({ type }) => type === SELDOM);
    if (seldom) await this.#pauseSeldom(exchange, market, seldom.symbols);
  }

  /** Of what was never attended before, nothing is owed; from now on it is. */
  async #pauseSeldom(exchange: string, market: Market, symbols: readonly string[]): Promise<void> {
    const known = await readCoveredUntil(this.#store, { exchange, market, channel: SELDOM });
    const now = Date.now() * MS;
    const fresh: CoveredUntil[] = [];
    for (const symbol of symbols) {
      const feed = { exchange, market, channel: SELDOM, symbol } as const;
      const until = known.get(symbol);
      if (until === undefined) fresh.push({ ...feed, until: now });
      else this.#capture.pauses.begin(feed, until);
    }
    await saveCoveredUntil(this.#store, fresh);
  }

  /** Returns what nobody has asked about yet, the symbols of one channel together. */
  #unasked(market: string, kinds: readonly Kind[]): Kind[] {
    const found = new Map<string, Kind>();
    for (const { symbols, ...kind } of kinds) {
      const name = `${market} ${kind.channel} ${kind.type}`;
      const known = found.get(name) ?? { ...kind, symbols: [] };
      known.symbols.push(...symbols.filter((symbol) => !this.#asked.has(`${name} ${symbol}`)));
      for (const symbol of symbols) this.#asked.add(`${name} ${symbol}`);
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
      // A run of deltas begins with a whole snapshot, and a thin book may have no more than that.
      return [
        { type: 'book_delta', channel, symbols },
        { type: 'book_snapshot', isWhole: true, channel, symbols },
      ];
    default:
      return [{ type: channel, channel, symbols }];
  }
}
