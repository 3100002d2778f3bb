import type { Candle } from '../../lib/model/records.js';
import { label, type Priced, pricedCandles, timeLabel } from './chart.js';

const WIDTH = 960;
const HEIGHT = 540;
const FRAME = { left: 16, right: 84, top: 44, bottom: 28 };
const PLOT = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom };
/** Share of the height that volume takes. */
const VOLUME = 0.2;
const COLOUR = { up: '#1a7f37', down: '#cf222e', incomplete: '#8c959f', grid: '#d8dee4', text: '#24292f' };
const LINES = 5;

/** Returns a static SVG of candles of one symbol: prices with their axis, volume below, incomplete candles grey. */
export function candleSvg(candles: readonly Candle[]): string {
  const shown = pricedCandles(candles);
  const last = shown.at(-1);
  const heading = last ? `${last.symbol} ${last.interval}, ${last.exchange} ${last.market}` : 'no candles to draw';
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="${COLOUR.text}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${FRAME.left}" y="24" font-size="16" font-weight="600">${inXml(heading)}</text>`,
    ...(last ? drawing(shown) : []),
    '</svg>',
  ].join('\n')}\n`;
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
    const colour = colourOf(candle);
    const [high, low] = [Math.min(y(candle.open), y(candle.close)), Math.max(y(candle.open), y(candle.close))];
    const amount = (candle.volume / most) * PLOT.height * VOLUME;
    return [
      `<line x1="${fixed(x)}" x2="${fixed(x)}" y1="${fixed(y(candle.high))}" y2="${fixed(y(candle.low))}" stroke="${colour}"/>`,
      rectangle(x - body / 2, high, body, Math.max(1, low - high), colour, 1),
      rectangle(x - body / 2, FRAME.top + PLOT.height - amount, body, amount, colour, 0.4),
    ];
  });
  return [...axis(top, bottom, y), ...candles, ...ends(shown, most)];
}

function axis(top: number, bottom: number, y: (price: number) => number): string[] {
  const count = top === bottom ? 1 : LINES;
  return Array.from({ length: count }, (_, index) => top - ((top - bottom) * index) / Math.max(1, count - 1)).flatMap((price) => [
    `<line x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${fixed(y(price))}" y2="${fixed(y(price))}" stroke="${COLOUR.grid}"/>`,
    `<text x="${WIDTH - FRAME.right + 6}" y="${fixed(y(price) + 4)}">${label(price)}</text>`,
  ]);
}

function ends(shown: readonly Priced[], most: number): string[] {
  const base = HEIGHT - 10;
  const [first, last] = [shown[0], shown.at(-1)] as [Priced, Priced];
  return [
    `<text x="${FRAME.left}" y="${base}">${timeLabel(first.timestamp)} UTC</text>`,
    `<text x="${WIDTH - FRAME.right}" y="${base}" text-anchor="end">${timeLabel(last.timestamp)} UTC</text>`,
    `<text x="${WIDTH - FRAME.right + 6}" y="${fixed(FRAME.top + PLOT.height * (1 - VOLUME) + 12)}">vol ${label(most, 5)}</text>`,
  ];
}

function rectangle(x: number, y: number, width: number, height: number, colour: string, opacity: number): string {
  return `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}" fill="${colour}" fill-opacity="${opacity}"/>`;
}

function colourOf({ open, close, complete }: Priced): string {
  if (complete === false) return COLOUR.incomplete;
  return close >= open ? COLOUR.up : COLOUR.down;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}

function inXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
