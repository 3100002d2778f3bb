import { cut, plainNumber } from '../../lib/cli/output/cell.js';
import type { Colors } from '../../lib/cli/output/colors.js';
import { inColumns, type ScreenCell } from '../../lib/cli/output/columns.js';
import { warmUpText } from '../../lib/cli/warm-up-text.js';
import { counted } from '../../lib/model/counted.js';
import type { WatchedSymbol } from '../../lib/pipeline/watch.js';
import { verdictsOf } from '../../lib/signals/gates.js';
import type { Gate, SignalRules } from '../../lib/signals/rules.js';
import { triggersOf, valueOfTrigger } from '../../lib/signals/triggers.js';
import { money, paperText, paperTotal } from './text.js';

type WatchView = {
  readonly symbols: readonly WatchedSymbol[];
  readonly rules: (symbol: WatchedSymbol) => SignalRules;
  /** Symbols that are captured, with rows or without. */
  readonly captured: number;
  /** How many symbols have the candles of their warm-up. */
  readonly candles: { readonly done: number; readonly all: number };
  readonly seconds: number;
  /** What is wrong with the capture: gaps, silent topics. */
  readonly troubles: readonly string[];
};

type Room = { readonly width: number; readonly rows: number; readonly colors: Colors };

const BETWEEN = 2;
/** From this width on the state of a symbol stands behind its values, else below them. */
const WIDE = 130;
const INDENT = '  ';

/** Returns the screen of a watch: a heading, the symbols with their values against the rules, and what is warming. */
export function watchScreen(view: WatchView, { width, rows, colors }: Room): string[] {
  const { symbols } = view;
  const isWide = width >= WIDE;
  const shown = nearest(view, Math.max(1, isWide ? rows - 3 : Math.floor((rows - 3) / 2)));
  const table = [headsOf(shown[0], view), ...shown.map((symbol) => cellsOf(symbol, view.rules(symbol), colors))];
  const [heads, ...lines] = inColumns(table, width);
  const body = shown.flatMap((symbol, index) => {
    const state = stateOf(symbol, view.rules(symbol));
    const line = lines[index] as { readonly text: string; readonly length: number };
    if (state === '') return [line.text];
    if (isWide)
      return [`${line.text}${' '.repeat(BETWEEN)}${colors.faint(cut(state, Math.max(1, width - line.length - BETWEEN)))}`];
    return [line.text, colors.faint(cut(`${INDENT}${state}`, width))];
  });
  const more = symbols.length - shown.length;
  return [
    headingOf(view, width, colors),
    ...(shown.length > 0 ? [colors.heading(heads?.text ?? ''), ...body] : []),
    ...(more > 0 ? [colors.faint(`${INDENT}${counted(more, 'more symbol')}`)] : []),
  ];
}

function headingOf({ symbols, captured, candles, seconds, troubles }: WatchView, width: number, colors: Colors): string {
  const warm = symbols.filter(({ row }) => row.warm).length;
  const parts = [
    `${elapsed(seconds)}  ${warm} of ${counted(captured, 'symbol')} warm`,
    ...(candles.done < candles.all ? [`candles of ${candles.done} of ${candles.all}`] : []),
    paperText(paperTotal(symbols)),
    ...troubles,
  ];
  return colors.heading(cut(parts.join('   '), width));
}

function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  return [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), whole % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** Returns the symbols that fit: those with a position, then those nearest to a signal; in order of their names. */
function nearest({ symbols, rules }: WatchView, most: number): readonly WatchedSymbol[] {
  if (symbols.length <= most) return symbols;
  const rank = new Map(symbols.map((symbol) => [symbol, (symbol.paper?.open ?? 0) * 1_000 + closeness(symbol, rules(symbol))]));
  const first = [...symbols].sort((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0)).slice(0, most);
  return symbols.filter((symbol) => first.includes(symbol));
}

/** The share of its threshold that the weakest trigger has reached, on the better side; below 0 without a value. */
function closeness({ row }: WatchedSymbol, rules: SignalRules): number {
  const shares = (sign: number) =>
    Math.min(...triggersOf(rules).map(({ feature, threshold }) => shareOf(valueOfTrigger(row, feature), threshold, sign)));
  return Math.max(shares(1), shares(-1));
}

function shareOf(value: number | undefined, threshold: number, sign: number): number {
  return value === undefined ? -1 : (sign * value) / Math.max(threshold, Number.EPSILON);
}

/** The rules of one symbol stand in the heads: `delta_z ±2`. */
function headsOf(symbol: WatchedSymbol | undefined, { rules }: WatchView): ScreenCell[] {
  if (!symbol) return [];
  const { maxSpreadBps, minAtr, maxAtr } = rules(symbol);
  const percent = (share: number) => Number((share * 100).toPrecision(6));
  return [
    'symbol',
    'price',
    ...triggersOf(rules(symbol)).map(({ feature, threshold }) => `${feature} ±${threshold}`),
    `bps ≤${maxSpreadBps}`,
    `atr% ${percent(minAtr)}–${percent(maxAtr)}`,
    'paper',
  ].map((text) => ({ text }));
}

function cellsOf({ symbol, row, paper }: WatchedSymbol, rules: SignalRules, colors: Colors): ScreenCell[] {
  const verdicts = verdictsOf(row, rules);
  const gate = (name: Gate, value: number | undefined, digits: number): ScreenCell => ({
    text: value === undefined ? '–' : String(Number(value.toPrecision(digits))),
    paint: verdicts[name]?.pass === false ? colors.bad : undefined,
  });
  const triggers = triggersOf(rules).map(({ feature, threshold }): ScreenCell => {
    const value = valueOfTrigger(row, feature);
    const reached = value !== undefined && Math.abs(value) >= threshold;
    const paint = reached ? (value > 0 ? colors.good : colors.bad) : undefined;
    return { text: value === undefined ? '–' : value.toFixed(2), paint };
  });
  const net = paper && paper.signals > 0 ? paper.net : undefined;
  return [
    { text: symbol, paint: colors.heading },
    { text: row.close === undefined ? '–' : plainNumber(row.close) },
    ...triggers,
    gate('spread', row.spreadBps, 3),
    gate('volatility', row.atr15mPct, 3),
    { text: net === undefined ? '' : money(net), paint: (net ?? 0) < 0 ? colors.bad : colors.good },
  ];
}

/** What keeps a symbol from a signal, or that it has a position. */
function stateOf({ row, warmUp, paper }: WatchedSymbol, rules: SignalRules): string {
  const position = paper && paper.open > 0 ? `${counted(paper.open, 'position')} open` : '';
  const warming = warmUp ? warmUpText(warmUp) : undefined;
  if (warming) return [position, warming].filter(Boolean).join('; ');
  const reasons = row.detail as Readonly<Record<string, string>> | undefined;
  const absent = triggersOf(rules).flatMap(({ feature }) => {
    if (valueOfTrigger(row, feature) !== undefined) return [];
    return [`${feature}: ${ABSENCES[reasons?.[feature] ?? ''] ?? reasons?.[feature] ?? 'no value'}`];
  });
  const shut = Object.entries(verdictsOf(row, rules)).flatMap(([name, verdict]) => (verdict.pass ? [] : [`gate ${name}`]));
  return [position, ...absent, ...(absent.length > 0 ? [] : shut)].filter(Boolean).join('; ');
}

const ABSENCES: Readonly<Record<string, string>> = {
  missing: 'no input',
  thin: 'too few trades',
  flat: 'no variation',
  gap: 'after a gap',
};
