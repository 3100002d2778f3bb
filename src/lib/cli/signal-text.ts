import { formatTime } from '../model/time.js';
import type { Rejection } from '../signals/generator.js';
import { TRIGGERS, valueOfTrigger } from '../signals/triggers.js';

/** Returns a rejected signal as one line, with the reasons. */
export function rejectionLine({ row, side, reasons, gates }: Rejection): string {
  const causes = reasons.map((reason) => {
    const gate = reason === 'cooldown' || reason === 'price' ? undefined : gates[reason];
    return gate ? `${reason} (${gate.value === undefined ? 'absent' : gate.value}, expected ${gate.limit})` : reason;
  });
  const names = [...new Set([...TRIGGERS.map(({ feature }) => feature), ...Object.keys(row.own ?? {})])];
  const values = names.map((feature) => `${feature} ${signed(valueOfTrigger(row, feature))}`).join(' ');
  const name = `${row.exchange}:${row.market}:${row.symbol}`;
  return `rejected ${momentOf(row.timestamp)} ${name} ${side === 'buy' ? 'long' : 'short'}: ${causes.join(', ')}; ${values}`;
}

function momentOf(timestamp: number): string {
  return `${formatTime(timestamp).slice(0, 19).replace('T', ' ')}Z`;
}

function signed(value: number | undefined): string {
  return value === undefined ? 'absent' : `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
}
