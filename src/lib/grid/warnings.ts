import type { Plan } from './planned.js';
import { directionOf } from './position.js';

/** Returns warnings about a plan that are not in the status of its levels, one sentence each. */
export function planWarnings(plan: Omit<Plan, 'warnings'>): string[] {
  return [...roundingWarnings(plan), ...moneyWarnings(plan), ...budgetWarnings(plan)];
}

function roundingWarnings({ grid: { limits } }: Omit<Plan, 'warnings'>): string[] {
  const unknown = [
    ...(limits.tickSize === undefined ? ['tick size, so prices are not rounded'] : []),
    ...(limits.lotSize === undefined ? ['lot size, so amounts are not rounded'] : []),
  ];
  return unknown.map((what) => `no ${what}`);
}

function moneyWarnings({ grid, levels, marginRequired }: Omit<Plan, 'warnings'>): string[] {
  const warnings: string[] = [];
  const last = levels.at(-1);
  const fees = last?.position.fees;
  if (fees !== undefined && marginRequired.plus(fees).gt(grid.deposit))
    warnings.push(
      `margin ${marginRequired.toSignificantDigits(8)} and entry fees ${fees.toSignificantDigits(4)} exceed the deposit ${grid.deposit}: no money is left for fees`,
    );
  const losing = levels.find(({ profit }) => profit?.lte(0));
  if (losing !== undefined)
    warnings.push(
      `the take profit of level ${losing.level} does not cover the fees: it earns ${losing.profit?.toSignificantDigits(4)}`,
    );
  return warnings;
}

function budgetWarnings({ grid, lowered, orders }: Omit<Plan, 'warnings'>): string[] {
  if (lowered.size === 0) return [];
  const levels = [...lowered.keys()].sort((a, b) => a - b);
  const cuts = levels.map(
    (level) =>
      `level ${level} by ${lowered.get(level)?.toSignificantDigits(8)} to ${orders[level]?.amount.toSignificantDigits(8)}`,
  );
  const why =
    grid.sizing === 'reference' && directionOf(grid.side) < 0
      ? ' (reference sizing of a short exceeds it; --sizing full does not)'
      : '';
  return [`amounts were lowered to stay within deposit × leverage${why}: ${cuts.join(', ')}`];
}
