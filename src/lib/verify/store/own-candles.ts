import { candleSelect, TRADE_ORDER } from '../../candles/store/candle-sql.js';
import { type CandleInterval, parseInterval } from '../../model/interval.js';
import type { Candle, Market } from '../../model/records.js';
import { overlap, type Span } from '../../model/span.js';
import { sqlText } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { tableDefinition } from '../../storage/database/record-table.js';
import type { Partition } from '../../storage/files/partition.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { candleDifference } from '../candle-difference.js';
import type { Finding } from '../day.js';
import type { Compared, ComparedDay } from './series-verifier.js';

/** The exchange's closed candles of a symbol on a day, of one interval, in order of time. */
export type Published = { readonly interval: string; readonly candles: readonly Candle[] };

/** Source of the exchange's candles of a day, by symbol. */
export type PublishedSource = (
  day: Partition,
  spans: ReadonlyMap<string, Span>,
) => Promise<ReadonlyMap<string, readonly Published[]>>;

type Known = {
  /** Time of the symbol's first record in the store. */
  readonly first: number;
  /** Price and time of the last trade of the day before, where it was read. */
  readonly close: number;
  readonly last: number;
  /** The gaps of that day. */
  readonly openGaps: readonly Span[];
};

/**
 * Compares candles built from stored trades with the exchange's own, day by day in order of time, opened at the previous
 * close as exchanges publish them. Some candles cannot be compared and are skipped: the first of a symbol, since some of
 * its trades may precede the store; those that a gap overlaps, or separates from the trade whose close is their open; and
 * those that end after the last trade of the market, when the capture was over.
 */
export class CandleComparison {
  readonly #inspection: StoreInspection;
  readonly #amountUnit: (exchange: string, market: Market) => 'base' | 'quote';
  readonly #published: PublishedSource;
  readonly #known = new Map<string, Known>();

  constructor(
    inspection: StoreInspection,
    amountUnit: (exchange: string, market: Market) => 'base' | 'quote',
    published: PublishedSource,
  ) {
    this.#inspection = inspection;
    this.#amountUnit = amountUnit;
    this.#published = published;
  }

  async compare({ inspected, isLast, gapsOf }: ComparedDay): Promise<Map<string, Compared>> {
    const result = new Map<string, Compared>();
    const extents = await this.#extents(inspected);
    const end = isLast ? Math.max(0, ...[...extents.values()].map(({ last }) => last)) : Number.MAX_SAFE_INTEGER;
    const begins = new Map([...extents, ...this.#known].map(([symbol, { first }]) => [symbol, { from: first, until: end }]));
    for (const [symbol, list] of await this.#published(inspected.partition, begins)) {
      const span = begins.get(symbol) ?? { from: end, until: end };
      const openGaps = [...gapsOf(symbol), ...(this.#known.get(symbol)?.openGaps ?? [])];
      result.set(symbol, await this.#compared(inspected, symbol, list, { span, openGaps }));
    }
    for (const [symbol, extent] of extents)
      this.#known.set(symbol, { ...extent, first: this.#known.get(symbol)?.first ?? extent.first, openGaps: gapsOf(symbol) });
    return result;
  }

  async #compared(
    day: InspectedPartition,
    symbol: string,
    published: readonly Published[],
    { span, openGaps }: { readonly span: Span; readonly openGaps: readonly Span[] },
  ): Promise<Compared> {
    const compared: number[] = [];
    const findings: Finding[] = [];
    for (const { interval: name, candles } of published) {
      const interval = parseInterval(name);
      const own = await this.#own(day, symbol, interval);
      for (const candle of candles) {
        if (!isComparable(candle, interval, span, own.before(candle), openGaps)) continue;
        compared.push(candle.timestamp);
        const detail = candleDifference(own.at(candle), candle);
        const until = candle.timestamp + interval.size;
        if (detail !== undefined) findings.push({ from: candle.timestamp, until, verdict: 'mismatch', mismatches: 1, detail });
      }
    }
    return { compared, findings };
  }

  /** The first and last trade time of each symbol on a day, and the last price. */
  async #extents(day: InspectedPartition): Promise<Map<string, Known>> {
    if (day.files.length === 0 && !day.open) return new Map();
    const rows = await this.#inspection.database.rows(
      `SELECT "symbol", epoch_us(min("timestamp")) AS first, epoch_us(max("timestamp")) AS last,
         arg_max("price", ${TRADE_ORDER}) AS close FROM ${this.#inspection.relation(day)} GROUP BY ALL`,
    );
    return new Map(
      rows.map((row) => [
        String(row.symbol),
        { first: Number(row.first), last: Number(row.last), close: Number(row.close), openGaps: [] },
      ]),
    );
  }

  async #own(day: InspectedPartition, symbol: string, interval: CandleInterval): Promise<OwnCandles> {
    const known = this.#known.get(symbol);
    if (day.files.length === 0 && !day.open) return new OwnCandles([], known);
    const { database } = this.#inspection;
    const exchange = day.partition.exchange ?? '';
    const market = day.partition.market as Market;
    const values = `${sqlText(exchange)} AS "exchange", ${sqlText(market)} AS "market", ${sqlText(symbol)} AS "symbol"`;
    const carry = `(SELECT ${values}, ${known?.close ?? 'NULL'}::DOUBLE AS "close" WHERE ${known !== undefined})`;
    const select = candleSelect({
      interval,
      open: 'previous-close',
      empty: 'skip',
      source: 'trades',
      input: 'trade',
      relation: `(SELECT * FROM ${this.#inspection.relation(day)} WHERE "symbol" = ${sqlText(symbol)})`,
      clocks: '(SELECT 0 AS now)',
      only: { exchange, market, now: Number.MAX_SAFE_INTEGER },
      before: { carry, since: 0, until: Number.MAX_SAFE_INTEGER },
      countsQuote: this.#amountUnit(exchange, market) === 'quote' ? 'true' : undefined,
    });
    await database.run(`CREATE OR REPLACE TEMP TABLE own_candles (${tableDefinition('candle')})`);
    await database.run(`INSERT INTO own_candles ${select}`);
    const candles: Candle[] = [];
    for await (const batch of tableRecords(database, 'candle', 'own_candles')) candles.push(...(batch as Candle[]));
    return new OwnCandles(candles, known);
  }
}

class OwnCandles {
  readonly #candles = new Map<number, Candle>();
  readonly #starts: readonly number[];
  readonly #known: Known | undefined;

  constructor(candles: readonly Candle[], known: Known | undefined) {
    for (const candle of candles) this.#candles.set(candle.timestamp, candle);
    this.#starts = [...this.#candles.keys()].sort((a, b) => a - b);
    this.#known = known;
  }

  at({ timestamp }: Candle): Candle | undefined {
    return this.#candles.get(timestamp);
  }

  /** Returns the start of the span that decides a candle's open: the candle of the trade before it. */
  before({ timestamp }: Candle): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) < timestamp) low = middle + 1;
      else high = middle;
    }
    return this.#starts[low - 1] ?? this.#known?.last ?? timestamp;
  }
}

function isComparable(candle: Candle, { size }: CandleInterval, span: Span, before: number, openGaps: readonly Span[]): boolean {
  const stretch = { from: Math.min(before, candle.timestamp), until: candle.timestamp + size };
  return candle.timestamp > span.from && stretch.until <= span.until && !openGaps.some((openGap) => overlap(openGap, stretch));
}
