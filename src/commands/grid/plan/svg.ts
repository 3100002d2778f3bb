import type { AnyRecord, GridLevel, GridPlan } from '../../../lib/model/records.js';
import { createNumberFormat } from './number-format.js';

const WIDTH = 960;
const HEIGHT = 560;
const FRAME = { left: 90, right: 20, top: 64, bottom: 110 };
const PLOT = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom };
/** Height of the notional bars below the prices. */
const BARS = 56;

const COLOUR = { ok: '#1a7f37', unsafe: '#cf222e', average: '#57606a', takeProfit: '#0969da', grid: '#d8dee4', text: '#24292f' };

type Point = readonly [x: number, y: number];

/** Returns a static SVG of a plan: prices over levels, with average, take profit and liquidation, and notionals below. */
export function gridSvg(records: readonly AnyRecord[]): string {
  const plan = records.find((record): record is GridPlan => record.type === 'grid_plan') as GridPlan;
  const levels = records.filter((record): record is GridLevel => record.type === 'grid_level');
  const scale = scaleOf(levels);
  const line = (pick: (level: GridLevel) => number | undefined) => pointsOf(levels, pick, scale);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="${COLOUR.text}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...title(plan),
    ...axis(plan, scale),
    polyline(
      line(({ averagePrice }) => averagePrice),
      COLOUR.average,
      '4 3',
    ),
    polyline(
      line(({ takeProfitPrice }) => takeProfitPrice),
      COLOUR.takeProfit,
    ),
    polyline(
      line(({ liquidationPrice }) => liquidationPrice),
      COLOUR.unsafe,
    ),
    ...levels.map((level) => dot(level, scale)),
    ...bars(plan, levels, scale),
    ...legend(),
    '</svg>',
  ].join('\n')}\n`;
}

type Scale = { x(level: number): number; y(price: number): number; readonly low: number; readonly high: number };

/** Scales to the prices of the levels; a far cross-margin liquidation price is outside of the frame. */
function scaleOf(levels: readonly GridLevel[]): Scale {
  const prices = levels.flatMap(({ price, takeProfitPrice }) => [price, takeProfitPrice ?? price]);
  const span = Math.max(...prices) - Math.min(...prices);
  const low = Math.max(0, Math.min(...prices) - span * 0.1);
  const high = Math.max(...prices) + span * 0.1;
  return {
    low,
    high,
    x: (level) => FRAME.left + ((level + 0.5) / levels.length) * PLOT.width,
    y: (price) => FRAME.top + (1 - (price - low) / (high - low)) * PLOT.height,
  };
}

function pointsOf(levels: readonly GridLevel[], pick: (level: GridLevel) => number | undefined, scale: Scale): Point[] {
  return levels.flatMap((level) => {
    const price = pick(level);
    return price === undefined || price < scale.low || price > scale.high
      ? []
      : [[scale.x(level.level), scale.y(price)] as const];
  });
}

function title(plan: GridPlan): string[] {
  const name = [plan.exchange, plan.market, plan.symbol].filter((part) => part !== undefined).join(':');
  const verdict =
    plan.firstUnsafeLevel === undefined
      ? 'every level can be placed and fills before a liquidation'
      : `unsafe from level ${plan.firstUnsafeLevel}`;
  return [
    text(
      FRAME.left,
      26,
      `${plan.side} grid${name && ` ${name}`} at ${plan.price}, ${plan.levels} levels, ${plan.leverage}x, ${plan.marginMode}`,
      'font-size="16" font-weight="600"',
    ),
    text(FRAME.left, 46, verdict, `fill="${plan.firstUnsafeLevel === undefined ? COLOUR.ok : COLOUR.unsafe}"`),
  ];
}

function axis(plan: GridPlan, scale: Scale): string[] {
  const format = createNumberFormat(plan);
  return Array.from({ length: 6 }, (_, tick) => scale.low + ((scale.high - scale.low) * tick) / 5).flatMap((price) => [
    `<line x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${at(scale.y(price))}" y2="${at(scale.y(price))}" stroke="${COLOUR.grid}"/>`,
    text(FRAME.left - 8, scale.y(price) + 4, format.price(price), 'text-anchor="end"'),
  ]);
}

function polyline(points: readonly Point[], colour: string, dashes = 'none'): string {
  const path = points.map(([x, y]) => `${at(x)},${at(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"/>`;
}

function dot({ level, price, status }: GridLevel, { x, y }: Scale): string {
  const fill = status === 'ok' ? COLOUR.ok : COLOUR.unsafe;
  return `<circle cx="${at(x(level))}" cy="${at(y(price))}" r="5" fill="${fill}"><title>${escaped(`level ${level}: ${price}, ${status}`)}</title></circle>`;
}

function bars(plan: GridPlan, levels: readonly GridLevel[], { x }: Scale): string[] {
  const most = Math.max(...levels.map(({ notional }) => notional), Number.MIN_VALUE);
  const width = Math.min(40, (PLOT.width / levels.length) * 0.6);
  const floor = HEIGHT - FRAME.bottom + 24 + BARS;
  const format = createNumberFormat(plan);
  return [
    text(FRAME.left - 8, floor - BARS + 10, format.money(most), 'text-anchor="end"'),
    text(FRAME.left - 8, floor, 'notional', 'text-anchor="end"'),
    ...levels.flatMap(({ level, notional, status }) => {
      const height = (notional / most) * BARS;
      return [
        `<rect x="${at(x(level) - width / 2)}" y="${at(floor - height)}" width="${at(width)}" height="${at(height)}" fill="${status === 'ok' ? COLOUR.ok : COLOUR.unsafe}" opacity="0.6"/>`,
        ...(levels.length <= 40 ? [text(x(level), floor + 14, String(level), 'text-anchor="middle"')] : []),
      ];
    }),
  ];
}

function legend(): string[] {
  const entries: [name: string, colour: string][] = [
    ['level', COLOUR.ok],
    ['unsafe level', COLOUR.unsafe],
    ['average', COLOUR.average],
    ['take profit', COLOUR.takeProfit],
    ['liquidation', COLOUR.unsafe],
  ];
  return entries.map(([name, colour], index) =>
    text(WIDTH - FRAME.right - (entries.length - index) * 90, 46, name, `fill="${colour}"`),
  );
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${at(x)}" y="${at(y)}" ${attributes}>${escaped(content)}</text>`;
}

function at(value: number): string {
  return String(Number(value.toFixed(2)));
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
