import { SVG_COLOR, svgAxis, svgDocument, svgLine, svgRectangle, svgText } from '../../lib/cli/output/svg.js';
import type { Candle } from '../../lib/model/records.js';
import { label, type Priced, pricedCandles, timeLabel } from './chart.js';

const WIDTH = 960;
const HEIGHT = 540;
const FRAME = { left: 16, right: 84, top: 44, bottom: 28 };
const PLOT = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom };
/** Share of the height for volume. */
const VOLUME = 0.2;
const INCOMPLETE = '#8c959f';
const LINES = 5;

/** Returns a static SVG of candles of one symbol: prices with their axis, volume below, incomplete candles grey. */
export function candleSvg(candles: readonly Candle[]): string {
  const shown = pricedCandles(candles);
  const last = shown.at(-1);
  const heading = last ? `${last.symbol} ${last.interval}, ${last.exchange} ${last.market}` : 'no candles to draw';
  return svgDocument(WIDTH, HEIGHT, [
    svgText(FRAME.left, 24, heading, { 'font-size': 16, 'font-weight': 600 }),
    ...(last ? drawing(shown) : []),
  ]);
}

function drawing(shown: readonly Priced[]): string[] {
  const top = Math.max(...shown.map(({ high }) => high));
  const bottom = Math.min(...shown.map(({ low }) => low));
  const most = Math.max(...shown.map(({ volume }) => volume)) || 1;
  const height = PLOT.height * (1 - VOLUME);
  const y = (price: number) => FRAME.top + (top === bottom ? 0.5 : (top - price) / (top - bottom)) * (height - 12);
  const step = PLOT.width / shown.length;
  const candles = shown.flatMap((candle, index) => {
    const x = FRAME.left + (index + 0.5) * step;
    const body = Math.max(1, step * 0.7);
    const color = colorOf(candle);
    const [high, low] = [Math.min(y(candle.open), y(candle.close)), Math.max(y(candle.open), y(candle.close))];
    const amount = (candle.volume / most) * PLOT.height * VOLUME;
    const left = x - body / 2;
    return [
      svgLine([x, y(candle.high)], [x, y(candle.low)], color),
      svgRectangle({ x: left, y: high, width: body, height: Math.max(1, low - high) }, color, 1),
      svgRectangle({ x: left, y: FRAME.top + PLOT.height - amount, width: body, height: amount }, color, 0.4),
    ];
  });
  return [...axis(top, bottom, y), ...candles, ...ends(shown, most)];
}

function axis(top: number, bottom: number, y: (price: number) => number): string[] {
  const count = top === bottom ? 1 : LINES;
  const prices = Array.from({ length: count }, (_, index) => top - ((top - bottom) * index) / Math.max(1, count - 1));
  const right = WIDTH - FRAME.right;
  return svgAxis(prices, { left: FRAME.left, right, labelX: right + 6, anchor: 'start', y, label: (price) => label(price) });
}

function ends(shown: readonly Priced[], most: number): string[] {
  const base = HEIGHT - 10;
  const right = WIDTH - FRAME.right;
  const [first, last] = [shown[0], shown.at(-1)] as [Priced, Priced];
  return [
    svgText(FRAME.left, base, `${timeLabel(first.timestamp)} UTC`),
    svgText(right, base, `${timeLabel(last.timestamp)} UTC`, { 'text-anchor': 'end' }),
    svgText(right + 6, FRAME.top + PLOT.height * (1 - VOLUME) + 12, `vol ${label(most, 5)}`),
  ];
}

function colorOf({ open, close, complete }: Priced): string {
  if (complete === false) return INCOMPLETE;
  return close >= open ? SVG_COLOR.good : SVG_COLOR.bad;
}
