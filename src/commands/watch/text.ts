import type { Summary } from '../../lib/cli/summary.js';
import { warmUpLine } from '../../lib/cli/warm-up-text.js';
import { counted } from '../../lib/model/counted.js';
import type { Watch, WatchedSymbol } from '../../lib/pipeline/watch.js';

/** What all symbols together have earned on paper. */
type PaperTotal = {
  readonly signals: number;
  readonly closed: number;
  readonly open: number;
  readonly skipped: number;
  readonly net: number;
  readonly fees: number;
};

export function paperTotal(symbols: readonly WatchedSymbol[]): PaperTotal {
  const sum = (value: (paper: NonNullable<WatchedSymbol['paper']>) => number) =>
    symbols.reduce((total, { paper }) => total + (paper ? value(paper) : 0), 0);
  return {
    signals: sum(({ signals }) => signals),
    closed: sum(({ trades }) => trades.length),
    open: sum(({ open }) => open),
    skipped: sum(({ skipped }) => skipped),
    net: sum(({ net }) => net),
    fees: sum(({ fees }) => fees),
  };
}

/** Returns a result in quote units with its sign, to the cent. */
export function money(value: number): string {
  const cents = Math.round(value * 100) / 100;
  return `${cents > 0 ? '+' : ''}${(cents + 0).toFixed(2)}`;
}

/** Returns what the signals have earned in a few words: `3 signals, 2 trades closed, 1 open, +12.40 on paper`. */
export function paperText({ signals, closed, open, net }: PaperTotal): string {
  if (signals === 0) return 'no signals yet';
  return `${counted(signals, 'signal')}, ${counted(closed, 'trade')} closed, ${open} open, ${money(net)} on paper`;
}

/** Returns the line that a watch prints once a minute where it draws nothing. */
export function minuteLine(watch: Watch): string {
  const symbols = watch.symbols();
  if (symbols.length === 0) return 'watch: no rows yet';
  const cold = warmUpLine(symbols.flatMap(({ warmUp }) => warmUp ?? []));
  const warm = symbols.filter(({ row }) => row.warm).length;
  return [
    `watch: ${warm} of ${counted(symbols.length, 'symbol')} warm`,
    paperText(paperTotal(symbols)),
    ...(cold ? [cold] : []),
  ].join('; ');
}

/** Completes the summary of a watch. Returns what to type next. */
export function summarizeWatch(summary: Summary, watch: Watch, recordedIn: string | undefined): string[] {
  const symbols = watch.symbols();
  const total = paperTotal(symbols);
  const { late, revised, rows, triggered } = watch.counts;
  summary.note({
    rows,
    warm_symbols: symbols.filter(({ row }) => row.warm).length,
    late,
    revised_rows: revised,
    triggered,
    signals: total.signals,
    paper_trades: total.closed,
    paper_open: total.open,
    paper_net: total.net,
    paper_fees: total.fees,
    paper_late_trades: watch.lateTrades,
  });
  const skipped = total.skipped > 0 ? `; ${counted(total.skipped, 'signal')} skipped, their side was open` : '';
  return [
    `${paperText(total)}${total.signals > 0 ? ` after ${total.fees.toFixed(2)} in fees` : ''}${skipped}`,
    ...(watch.lateTrades > 0 ? [`${counted(watch.lateTrades, 'trade')} arrived too late to be matched on paper`] : []),
    ...(recordedIn === undefined
      ? []
      : [
          `next: mdtool features --store ${recordedIn} && mdtool signals --store ${recordedIn} && mdtool backtest --store ${recordedIn} --strategy signals`,
        ]),
  ];
}
