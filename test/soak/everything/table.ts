import type { Outcome } from './everything.js';

/** Returns what ran, what was counted and what failed, as Markdown. */
export function tableOf(outcome: Outcome): string {
  const { daemons, timers, trades, sizes, faults, failures, counts, hours, times } = outcome;
  const whole = (value: number) => value.toFixed(0);
  const [first, last] = [sizes[Math.min(1, sizes.length - 1)], sizes.at(-1)];
  return [
    `## Everything for ${hours} h; timers, pacing and rules of the exchanges ${times} times as fast`,
    '',
    table(
      ['process', 'starts', 'killed', 'longest life, min', 'MB early → late (most; helpers)', 'open files early → late'],
      daemons.map(({ name, starts, kills, minutes, memory, descriptors }) => [
        name,
        whole(starts),
        whole(kills),
        minutes.toFixed(1),
        `${whole(memory.early)} → ${whole(memory.late)} (${whole(memory.most)}; ${whole(memory.helpers)})`,
        `${whole(descriptors.early)} → ${whole(descriptors.late)}`,
      ]),
    ),
    table(
      ['timer', 'runs', 'due while running', 'exit codes', 'median s', 'longest s'],
      timers.map(({ name, runs, late, codes, median, longest }) => [
        name,
        whole(runs),
        whole(late),
        Object.entries(codes)
          .map(([key, count]) => `${key} × ${count}`)
          .join(', '),
        median.toFixed(1),
        longest.toFixed(1),
      ]),
    ),
    table(
      ['count', 'value'],
      [...Object.entries(trades), ...Object.entries(counts)].map(([name, value]) => [name, String(value)]),
    ),
    table(
      ['disk', 'early', 'at the end'],
      (['bytes', 'parquet', 'journals', 'log', 'others'] as const).map((key) => [
        key,
        whole(first?.[key] ?? 0),
        whole(last?.[key] ?? 0),
      ]),
    ),
    `Faults: ${Object.entries(faults)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    '',
    failures.length === 0 ? 'Failures: none' : `Failures: ${failures.length}\n${failures.map((text) => `- ${text}`).join('\n')}`,
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
