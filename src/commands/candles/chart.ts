import type { Colors } from '../../lib/cli/output/colors.js';
import { zonedTime } from '../../lib/cli/time-zone.js';
import type { Candle } from '../../lib/model/records.js';

const PRICE_ROWS = 16;
const VOLUME_ROWS = 4;
const BLOCKS = ' ▁▂▃▄▅▆▇█';

/** What fills the upper and the lower half of a cell: nothing, the wick or the body. */
const GLYPHS: Readonly<Record<string, string>> = {
  '  ': ' ',
  bb: '┃',
  ww: '│',
  'b ': '╹',
  ' b': '╻',
  'w ': '╵',
  ' w': '╷',
  wb: '╽',
  bw: '╿',
};

/** A candle that has prices. */
export type Priced = Candle & { readonly open: number; readonly high: number; readonly low: number; readonly close: number };

/** Returns the candles that can be drawn: a silent interval may have no prices. */
export function pricedCandles(candles: readonly Candle[]): Priced[] {
  return candles.filter(
    (candle): candle is Priced => candle.high !== undefined && candle.low !== undefined && candle.close !== undefined,
  );
}

type Room = { readonly width: number; readonly colors: Colors };

/** Returns the charts of several symbols, one below the other. */
export function candleCharts(series: readonly (readonly Candle[])[], room: Room): string {
  return series.length === 0 ? 'no candles to draw' : series.map((candles) => candleChart(candles, room)).join('\n\n');
}

/** Returns the lines of as many charts as fit into `rows`; at least one is drawn. */
export function fittingCharts(
  series: readonly (readonly Candle[])[],
  { rows, ...room }: Room & { readonly rows: number },
): string[] {
  const height = PRICE_ROWS + VOLUME_ROWS + 3;
  return candleCharts(series.slice(0, Math.max(1, Math.floor((rows + 1) / height))), room).split('\n');
}

/** Returns a chart of the last candles that fit into `width`: prices above, volume below, times under both. */
function candleChart(candles: readonly Candle[], { width, colors }: Room): string {
  const all = pricedCandles(candles);
  const labels = Math.max(...all.flatMap(({ high, low }) => [label(high), label(low)]).map(({ length }) => length), 8);
  const shown = all.slice(-Math.max(1, Math.floor((width - labels - 2) / 2)));
  const last = shown.at(-1);
  if (!last) return 'no candles to draw';
  const top = Math.max(...shown.map(({ high }) => high));
  const bottom = Math.min(...shown.map(({ low }) => low));
  const axis = (text: string) => `${colors.faint(text.padStart(labels))} `;
  const prices = rows(PRICE_ROWS, (row) => {
    const text = row % 5 === 0 || row === PRICE_ROWS - 1 ? label(top - ((top - bottom) * row) / (PRICE_ROWS - 1)) : '';
    return axis(text) + shown.map((candle) => coloured(cell(candle, top, bottom, row), candle, colors)).join(' ');
  });
  const most = Math.max(...shown.map(({ volume }) => volume));
  const volumes = rows(VOLUME_ROWS, (row) => {
    return (
      axis(row === 0 ? label(most, 5) : '') +
      shown.map((candle) => coloured(bar(candle.volume / (most || 1), row), candle, colors)).join(' ')
    );
  });
  return [title(shown, colors), ...prices, ...volumes, axis('') + times(shown)].join('\n');
}

function rows(count: number, draw: (row: number) => string): string[] {
  return Array.from({ length: count }, (_, row) => draw(row).trimEnd());
}

/** Rows are counted from the top; a row is two halves high. */
function cell({ open, high, low, close }: Priced, top: number, bottom: number, row: number): string {
  const half = (price: number) =>
    top === bottom ? PRICE_ROWS : Math.round(((top - price) / (top - bottom)) * (PRICE_ROWS * 2 - 1));
  const at = (index: number) => {
    if (index >= half(Math.max(open, close)) && index <= half(Math.min(open, close))) return 'b';
    return index >= half(high) && index <= half(low) ? 'w' : ' ';
  };
  return GLYPHS[at(row * 2) + at(row * 2 + 1)] as string;
}

function bar(share: number, row: number): string {
  const eighths = Math.round(share * VOLUME_ROWS * 8) - (VOLUME_ROWS - 1 - row) * 8;
  return BLOCKS[Math.max(0, Math.min(8, eighths))] as string;
}

function coloured(text: string, { open, close, complete }: Priced, colors: Colors): string {
  if (text === ' ') return text;
  if (complete === false) return colors.faint(text);
  return close >= open ? colors.good(text) : colors.bad(text);
}

function title(shown: readonly Priced[], colors: Colors): string {
  const { exchange, market, symbol, interval, close } = shown.at(-1) as Priced;
  const incomplete = shown.filter(({ complete }) => complete === false).length;
  const notes = [`${shown.length} candles`, `close ${close}`, ...(incomplete > 0 ? [`${incomplete} incomplete (dim)`] : [])];
  return `${colors.heading(`${symbol} ${interval}`)} ${exchange} ${market} · ${notes.join(' · ')}`;
}

/** The opening times of the first and the last candle, under them where there is room. */
function times(shown: readonly Priced[]): string {
  const [first, last] = [shown[0], shown.at(-1)].map((candle) => timeLabel((candle as Priced).timestamp)) as [string, string];
  const room = shown.length * 2 - 1 - first.length - last.length;
  return room > 0 ? `${first}${' '.repeat(room)}${last}` : `${first} – ${last}`;
}

/** Returns `2026-08-09 21:27`, with seconds where there are any. */
export function timeLabel(timestamp: number): string {
  return zonedTime(timestamp).slice(0, 19).replace('T', ' ').replace(/:00$/, '');
}

/** Formats a price or amount with a maximum number of significant digits. */
export function label(value: number, digits = 7): string {
  return String(Number(value.toPrecision(digits)));
}
