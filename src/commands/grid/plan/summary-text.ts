import type { Colors } from '../../../lib/cli/output/colors.js';
import type { filledDetail, solutionDetail } from '../../../lib/grid/records.js';
import type { StressReport } from '../../../lib/grid/stress.js';
import { counted } from '../../../lib/model/counted.js';
import { formatTime } from '../../../lib/model/time.js';
import { durationText, type GridView, type NumberFormat, percentText } from './number-format.js';

/** Fields of a plan's `detail`, without warnings and notes, which are printed on stderr. */
type GridDetail = {
  readonly reason?: string;
  readonly filled?: ReturnType<typeof filledDetail>;
  readonly solve?: ReturnType<typeof solutionDetail>;
  readonly stress?: StressReport;
};

/** Returns two lines that describe the grid. */
export function headingLines({ plan }: GridView, colors: Colors): string[] {
  const name = [plan.exchange, plan.market, plan.symbol].filter((part) => part !== undefined).join(':');
  const spacing = plan.spacing === 'list' ? 'listed' : plan.spacing;
  const maintenance = plan.maintenanceRate === undefined ? 'by tiers' : percentText(plan.maintenanceRate * 100);
  return [
    colors.heading(
      `${plan.side}${name && ` ${name}`} at ${plan.price}: ${plan.levels} levels over ${percentText(plan.coveragePct)}, ${spacing}, ×${plan.multiplier}, take profit ${percentText(plan.takeProfitPct)}`,
    ),
    `deposit ${plan.deposit} × ${plan.leverage}, ${plan.sizing} sizing, ${plan.marginMode} margin, maintenance ${maintenance}, fees ${percentText(plan.makerFee * 100)} and ${percentText(plan.takerFee * 100)}`,
  ];
}

/** Returns the lines with money and the verdict. */
export function summaryLines({ plan, levels }: GridView, format: NumberFormat, colors: Colors): string[] {
  const { reason } = (plan.detail ?? {}) as GridDetail;
  const toTakeProfit = plan.reboundPct === undefined ? '' : `, ${percentText(plan.reboundPct)} from the take profit`;
  return [
    `committed ${format.money(plan.committedNotional)} of ${plan.budgetNotional} (${percentText(plan.utilisationPct)}), margin ${format.money(plan.marginRequired)} of ${plan.deposit}`,
    `base amount ${short(plan.baseAmount)} before rounding, Σ multiplier^i ${short(plan.multiplierSum)}`,
    `all filled: loss ${format.money(plan.worstLoss)} at ${format.price(levels.at(-1)?.price)}${toTakeProfit}`,
    reason === undefined ? colors.good('✓ every level can be placed and fills before a liquidation') : colors.bad(`✗ ${reason}`),
    ...byReason(levels.filter(({ status }) => status !== 'ok')),
  ];
}

function short(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** Returns one line per group of levels with the same status: `levels 3 to 14: liquidated before`. */
function byReason(unsafe: GridView['levels']): string[] {
  const runs: { status: string; from: number; to: number }[] = [];
  for (const { level, status } of unsafe) {
    const last = runs.at(-1);
    if (last?.status === status && last.to === level - 1) last.to = level;
    else runs.push({ status, from: level, to: level });
  }
  return runs.map(({ status, from, to }) => `  ${from === to ? `level ${from}` : `levels ${from} to ${to}`}: ${status}`);
}

/** Returns the result lines of `--filled`, `--solve` and `--stress`. */
export function detailLines({ plan }: GridView, format: NumberFormat, colors: Colors): string[] {
  const { filled, solve, stress } = (plan.detail ?? {}) as GridDetail;
  return [
    ...(filled ? filledLines(filled as unknown as Record<string, number>, format) : []),
    ...(solve ? solveLines(solve, colors) : []),
    ...(stress ? stressLines(stress as unknown as Readonly<Record<string, unknown>>) : []),
  ];
}

function filledLines(filled: Readonly<Record<string, number | undefined>>, format: NumberFormat): string[] {
  const { levels, average_price, break_even_price, take_profit_price, profit, return_pct, liquidation_price } = filled;
  return [
    `${counted(levels ?? 0, 'level')} filled: average ${format.average(average_price)}, break-even ${format.average(break_even_price)}, take profit ${format.price(take_profit_price)}, profit ${format.money(profit)} (${percentText(return_pct)} of the deposit), liquidation ${format.price(liquidation_price) || 'none'}`,
  ];
}

const UNITS = { leverage: 'x', coverage: ' %', multiplier: '', deposit: '' } as const;

function solveLines({ parameter, limit, beyond, searched }: NonNullable<GridDetail['solve']>, colors: Colors): string[] {
  const unit = UNITS[parameter];
  const range = `${searched[0]}${unit} to ${searched[1]}${unit}`;
  if (limit === undefined) return [colors.bad(`✗ no safe ${parameter} found in ${range}`)];
  const extreme = parameter === 'leverage' || parameter === 'coverage' ? 'largest' : 'smallest';
  const proof = beyond === undefined ? `it is the first value of ${range}` : `at ${beyond.value}${unit} ${beyond.reason}`;
  return [colors.heading(`${parameter} ${limit}${unit} is the ${extreme} safe value, planned above; ${proof}`)];
}

function stressLines(stress: Readonly<Record<string, unknown>>): string[] {
  const number = (name: string) => stress[name] as number;
  const spread = (name: string, text: (value: number) => string) => {
    const { median, p90, p99, max } = stress[name] as Record<string, number>;
    return `median ${text(median as number)}, 90 % ${text(p90 as number)}, 99 % ${text(p99 as number)}, worst ${text(max as number)}`;
  };
  const share = (count: number) => `${count} (${percentText((count / number('starts')) * 100)})`;
  return [
    `stress test on ${counted(number('candles'), 'candle')} of ${stress.symbol} ${stress.interval}, ${formatTime(number('from_timestamp'))} to ${formatTime(number('until_timestamp'))}: ${counted(number('starts'), 'grid')} started`,
    `  coverage exceeded ${share(number('exceeded'))}, liquidated ${share(number('liquidated'))}, took profit ${share(number('took_profit'))}, unfinished ${share(number('unfinished'))}`,
    `  maximum adverse move: ${spread('depth_pct', percentText)}`,
    `  time under water: ${spread('under_water_seconds', durationText)}`,
    ...(number('skipped') + number('incomplete') > 0
      ? [`  ${counted(number('skipped'), 'candle')} skipped, ${number('incomplete')} with unrepaired gaps`]
      : []),
  ];
}
