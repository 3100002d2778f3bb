import { CHART_LICENCE, escaped, htmlPage } from '../../lib/cli/html-page.js';
import { PRICE_SCRIPT } from '../../lib/cli/report/price-script.js';
import { shadedTimes } from '../../lib/cli/report/shaded-times.js';
import { zonedTime } from '../../lib/cli/time-zone.js';
import { counted } from '../../lib/model/counted.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import { bucketStart } from '../../lib/model/interval.js';
import type { Candle, Gap, RecordOf } from '../../lib/model/records.js';
import { SECOND } from '../../lib/model/time.js';
import { type Priced, pricedCandles } from './chart.js';

/** Features of signals, each a pane of its own below the candles. */
export const PAGE_FEATURES = ['delta_z', 'imb_shift', 'mark_dev_z'] as const;
type PageFeature = (typeof PAGE_FEATURES)[number];

/** What the page shows of one symbol. */
export type PageSymbol = {
  readonly candles: readonly Candle[];
  /** Gaps in its trades whose records are missing. */
  readonly gaps: readonly Gap[];
  readonly signals: readonly RecordOf<'signal'>[];
  /** The last value of each feature in each candle, by the opening time. */
  readonly features: ReadonlyMap<PageFeature, ReadonlyMap<number, number>>;
};

/** Returns the charts of symbols as one self-contained page; `left` symbols are not on it. */
export function candlePage(symbols: readonly PageSymbol[], interval: CandleInterval, left: number): string {
  const drawn = symbols
    .map((symbol) => ({ symbol, candles: pricedCandles(symbol.candles) }))
    .filter(({ candles }) => candles.length > 0);
  const names = drawn.map(({ candles }) => (candles[0] as Priced).symbol);
  const title =
    drawn.length === 0 ? 'no candles to draw' : `${names.slice(0, 4).join(', ')}${names.length > 4 ? ' …' : ''} ${interval.name}`;
  const charts = drawn.map(
    ({ symbol, candles }, index) =>
      `<h2>${escaped(headingOf(candles))}</h2>\n<div class="faint">${escaped(aboutOf(symbol, candles))}</div>\n<div class="legend" id="legend-${index}"></div>\n<div class="chart" id="chart-${index}"></div>`,
  );
  const body = [
    ...charts,
    ...(left > 0
      ? [`<div class="faint">${counted(left, 'more symbol')} with less turnover: choose them with --symbols.</div>`]
      : []),
    `<h2>About</h2>\n<pre>Gaps in the data are red; candles are of trades, times are UTC.\n${CHART_LICENCE}</pre>`,
  ].join('\n');
  const data = { symbols: drawn.map(({ symbol, candles }) => dataOf(symbol, candles, interval)) };
  return htmlPage({ title, body, data, script: PRICE_SCRIPT });
}

function headingOf(candles: readonly Priced[]): string {
  const { exchange, market, symbol, interval } = candles[0] as Priced;
  return `${symbol} ${interval}, ${exchange} ${market}`;
}

function aboutOf({ gaps, signals }: PageSymbol, candles: readonly Priced[]): string {
  const [first, last] = [candles[0], candles.at(-1)].map((candle) =>
    zonedTime((candle as Priced).timestamp)
      .slice(0, 16)
      .replace('T', ' '),
  );
  const parts = [counted(candles.length, 'candle'), `${first} to ${last}`];
  if (gaps.length > 0) parts.push(counted(gaps.length, 'gap'));
  if (signals.length > 0) parts.push(counted(signals.length, 'signal'));
  return parts.join(', ');
}

function dataOf({ gaps, signals, features }: PageSymbol, candles: readonly Priced[], { size }: CandleInterval) {
  const first = (candles[0] as Priced).timestamp;
  const end = (candles.at(-1) as Priced).timestamp + size;
  const times = new Set(candles.map(({ timestamp }) => timestamp));
  const inTime = (time: number) => time / SECOND;
  return {
    seconds: size < 60 * SECOND,
    candles: candles.map(({ timestamp, open, high, low, close, volume, complete }) => ({
      ...{ time: inTime(timestamp), open, high, low, close, volume },
      ...(complete === false && { incomplete: true }),
    })),
    gaps: shadedTimes(gaps, size, first, end).map(inTime),
    // The chart has a place for a candle's time only.
    signals: signals.flatMap(({ timestamp, side, price }) => {
      const time = bucketStart(size, timestamp);
      return times.has(time) ? [{ time: inTime(time), side, text: `${side === 'buy' ? 'long' : 'short'} ${price}` }] : [];
    }),
    features: PAGE_FEATURES.flatMap((name) => {
      const values = features.get(name) ?? new Map<number, number>();
      const points = [...values].filter(([time]) => time >= first && time < end).sort(([a], [b]) => a - b);
      return points.length > 0 ? [{ name, points: points.map(([time, value]) => ({ time: inTime(time), value })) }] : [];
    }),
  };
}
