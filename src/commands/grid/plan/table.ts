import type { Colors } from '../../../lib/cli/output/colors.js';
import type { Render } from '../../../lib/cli/output/rendered-sink.js';
import { BORDERLESS } from '../../../lib/cli/output/table.js';
import { wrapped } from '../../../lib/cli/output/wrap.js';
import type { GridLevel, GridPlan } from '../../../lib/model/records.js';
import { createLadder, LADDER_LEGEND } from './ladder.js';
import { createNumberFormat, type GridView, type NumberFormat } from './number-format.js';
import { detailLines, headingLines, summaryLines } from './summary-text.js';

/** One column of the level table. Columns with the highest `rank` are dropped first on narrow terminals. */
type LevelColumn = {
  readonly heading: string;
  readonly rank: number;
  readonly left?: boolean;
  text(level: GridLevel, format: NumberFormat, plan: GridPlan): string;
};

const COLUMNS: readonly LevelColumn[] = [
  { heading: '', rank: 0, left: true, text: markOf },
  { heading: '#', rank: 0, text: ({ level }) => String(level) },
  { heading: 'price', rank: 0, text: ({ price }, format) => format.price(price) },
  { heading: 'amount', rank: 0, text: ({ amount }, format) => format.amount(amount) },
  { heading: 'notional', rank: 4, text: ({ notional }, format) => format.money(notional) },
  { heading: 'next %', rank: 7, text: ({ distanceToNextPct }) => distanceToNextPct?.toFixed(2) ?? '' },
  { heading: 'total', rank: 8, text: ({ cumulativeAmount }, format) => format.amount(cumulativeAmount) },
  { heading: 'average', rank: 3, text: ({ averagePrice }, format) => format.average(averagePrice) },
  { heading: 'break-even', rank: 6, text: ({ breakEvenPrice }, format) => format.average(breakEvenPrice) },
  { heading: 'take profit', rank: 1, text: ({ takeProfitPrice }, format) => format.price(takeProfitPrice) },
  { heading: 'profit', rank: 2, text: ({ profit }, format) => format.money(profit) },
  { heading: 'return %', rank: 5, text: ({ returnPct }) => returnPct?.toFixed(2) ?? '' },
  { heading: 'margin', rank: 5, text: ({ margin }, format) => format.money(margin) },
  { heading: 'liquidation', rank: 0, text: ({ liquidationPrice }, format) => format.price(liquidationPrice) || 'none' },
];

/** Marks a level; the first unsafe one has its own mark. */
function markOf({ level, status }: GridLevel, _: NumberFormat, { firstUnsafeLevel }: GridPlan): string {
  if (status === 'ok') return '✓';
  return level === firstUnsafeLevel ? '✗►' : '✗';
}

const BETWEEN = 2;
const RULE = ' ──';
const LADDER = { min: 16, max: 32 };

/** Renders a plan: the ladder level by level with the liquidation line, and the verdict. */
export const renderGrid: Render = async (records, { width, colors }) => {
  const view: GridView = {
    plan: records.find((record): record is GridPlan => record.type === 'grid_plan') as GridPlan,
    levels: records.filter((record): record is GridLevel => record.type === 'grid_level'),
  };
  const format = createNumberFormat(view.plan);
  const inWidth = (sentence: string) => wrapped(sentence, width);
  return [
    ...headingLines(view, colors).map(inWidth),
    '',
    await levelTable(view, format, width, colors),
    inWidth(colors.faint(LADDER_LEGEND)),
    '',
    ...[...summaryLines(view, format, colors), ...detailLines(view, format, colors)].map(inWidth),
  ].join('\n');
};

async function levelTable(view: GridView, format: NumberFormat, width: number, colors: Colors): Promise<string> {
  const { columns, left } = fitting(view, format, width);
  const ladder = createLadder(view, Math.min(LADDER.max, left), colors);
  const { default: CliTable } = await import('cli-table3');
  const table = new CliTable({
    head: [...columns.map(({ heading }) => colors.heading(heading)), colors.heading('ladder')],
    colAligns: [...columns.map((column) => (column.left ? ('left' as const) : ('right' as const))), 'left'],
    chars: BORDERLESS,
    style: { 'padding-left': 0, 'padding-right': BETWEEN, head: [], border: [], compact: true },
  });
  const line = liquidationLine(view, format, width);
  for (const level of view.levels) {
    if (level.level === line?.before) table.push([{ content: colors.bad(line.text), colSpan: columns.length + 1 }]);
    const cells = columns.map((column) => column.text(level, format, view.plan));
    table.push([...(level.status === 'ok' ? cells : painted(cells, colors)), ladder(level)]);
  }
  if (line !== undefined && line.before === view.levels.length)
    table.push([{ content: colors.faint(line.text), colSpan: columns.length + 1 }]);
  return table.toString().replace(/ +$/gm, '');
}

function painted([mark = '', ...cells]: readonly string[], colors: Colors): string[] {
  return [colors.bad(mark), ...cells.map((cell) => colors.faint(cell))];
}

/** Returns the columns that leave room for the ladder, and the remaining width. */
function fitting({ levels, plan }: GridView, format: NumberFormat, width: number): { columns: LevelColumn[]; left: number } {
  const widthOf = (column: LevelColumn) =>
    BETWEEN + Math.max(column.heading.length, ...levels.map((level) => column.text(level, format, plan).length));
  const ranks = [...new Set(COLUMNS.map(({ rank }) => rank))].sort((a, b) => b - a);
  for (const most of ranks) {
    const columns = COLUMNS.filter(({ rank }) => rank <= most);
    const left = width - columns.reduce((sum, column) => sum + widthOf(column), 0);
    if (left >= LADDER.min || most === 0) return { columns, left: Math.max(LADDER.min, left) };
  }
  return { columns: [], left: width };
}

/** Returns the liquidation line and the level it precedes; after the last level if the whole grid survives. */
function liquidationLine(
  { plan, levels }: GridView,
  format: NumberFormat,
  width: number,
): { before: number; text: string } | undefined {
  const dead = levels.find(({ status }) => status.startsWith('liquidated'));
  const before = dead === undefined ? levels.length : dead.status.startsWith('liquidated before') ? dead.level : dead.level + 1;
  const holder = levels[before - 1];
  if (holder?.liquidationPrice === undefined) return undefined;
  const what = before === levels.length ? 'all levels' : before === 1 ? 'level 0' : `levels 0 to ${before - 1}`;
  const way = Math.abs(holder.liquidationPrice / plan.price - 1) * 100;
  const side = plan.side === 'long' ? 'below' : 'above';
  const text = `── ${what} liquidated at ${format.price(holder.liquidationPrice)}, ${way.toFixed(1)} % ${side} the start`;
  return { before, text: text.length + RULE.length <= width ? text + RULE : text };
}
