import { SVG_COLOR, svgAxis, svgDocument, svgDot, svgPolyline, svgRectangle, svgText } from '../../../lib/cli/output/svg.js';
import type { AnyRecord, GridLevel, GridPlan } from '../../../lib/model/records.js';
import { createNumberFormat } from './number-format.js';

const WIDTH = 960;
const HEIGHT = 560;
const FRAME = { left: 90, right: 20, top: 64, bottom: 110 };
const PLOT = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom };
/** Height of the notional bars below the prices. */
const BARS = 56;

const COLOR = { ok: SVG_COLOR.good, unsafe: SVG_COLOR.bad, average: '#57606a', takeProfit: '#0969da' };

type Point = readonly [x: number, y: number];

/** Returns a static SVG of a plan: prices over levels, with average, take profit and liquidation, and notionals below. */
export function gridSvg(records: readonly AnyRecord[]): string {
  const plan = records.find((record): record is GridPlan => record.type === 'grid_plan') as GridPlan;
  const levels = records.filter((record): record is GridLevel => record.type === 'grid_level');
  const scale = scaleOf(levels);
  const line = (pick: (level: GridLevel) => number | undefined) => pointsOf(levels, pick, scale);
  return svgDocument(WIDTH, HEIGHT, [
    ...title(plan),
    ...axis(plan, scale),
    svgPolyline(
      line(({ averagePrice }) => averagePrice),
      COLOR.average,
      '4 3',
    ),
    svgPolyline(
      line(({ takeProfitPrice }) => takeProfitPrice),
      COLOR.takeProfit,
    ),
    svgPolyline(
      line(({ liquidationPrice }) => liquidationPrice),
      COLOR.unsafe,
    ),
    ...levels.map((level) => dot(level, scale)),
    ...bars(plan, levels, scale),
    ...legend(),
  ]);
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
    svgText(
      FRAME.left,
      26,
      `${plan.side} grid${name && ` ${name}`} at ${plan.price}, ${plan.levels} levels, ${plan.leverage}x, ${plan.marginMode}`,
      { 'font-size': 16, 'font-weight': 600 },
    ),
    svgText(FRAME.left, 46, verdict, { fill: plan.firstUnsafeLevel === undefined ? COLOR.ok : COLOR.unsafe }),
  ];
}

function axis(plan: GridPlan, scale: Scale): string[] {
  const format = createNumberFormat(plan);
  const prices = Array.from({ length: 6 }, (_, tick) => scale.low + ((scale.high - scale.low) * tick) / 5);
  return svgAxis(prices, {
    left: FRAME.left,
    right: WIDTH - FRAME.right,
    labelX: FRAME.left - 8,
    anchor: 'end',
    y: scale.y,
    label: format.price,
  });
}

function dot({ level, price, status }: GridLevel, { x, y }: Scale): string {
  return svgDot(x(level), y(price), colorOf(status), `level ${level}: ${price}, ${status}`);
}

function colorOf(status: string): string {
  return status === 'ok' ? COLOR.ok : COLOR.unsafe;
}

function bars(plan: GridPlan, levels: readonly GridLevel[], { x }: Scale): string[] {
  const most = Math.max(...levels.map(({ notional }) => notional), Number.MIN_VALUE);
  const width = Math.min(40, (PLOT.width / levels.length) * 0.6);
  const floor = HEIGHT - FRAME.bottom + 24 + BARS;
  const format = createNumberFormat(plan);
  return [
    svgText(FRAME.left - 8, floor - BARS + 10, format.money(most), { 'text-anchor': 'end' }),
    svgText(FRAME.left - 8, floor, 'notional', { 'text-anchor': 'end' }),
    ...levels.flatMap(({ level, notional, status }) => {
      const height = (notional / most) * BARS;
      const bar = { x: x(level) - width / 2, y: floor - height, width, height };
      return [
        svgRectangle(bar, colorOf(status), 0.6),
        ...(levels.length <= 40 ? [svgText(x(level), floor + 14, String(level), { 'text-anchor': 'middle' })] : []),
      ];
    }),
  ];
}

function legend(): string[] {
  const entries: [name: string, color: string][] = [
    ['level', COLOR.ok],
    ['unsafe level', COLOR.unsafe],
    ['average', COLOR.average],
    ['take profit', COLOR.takeProfit],
    ['liquidation', COLOR.unsafe],
  ];
  return entries.map(([name, color], index) =>
    svgText(WIDTH - FRAME.right - (entries.length - index) * 90, 46, name, { fill: color }),
  );
}
