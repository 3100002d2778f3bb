import type { Colors } from '../../lib/cli/output/colors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { formatTime } from '../../lib/model/time.js';
import type { Rejection, Signal } from '../../lib/signals/generator.js';
import { TRIGGERS } from '../../lib/signals/triggers.js';

/** Returns a signal as one line: when, what, which side, price, stop, target, and the values that triggered it. */
export function signalLine(record: AnyRecord, colors: Colors): string | undefined {
  return record.type === 'signal' ? lineOf(record, colors) : undefined;
}

function lineOf(signal: Signal, colors: Colors): string {
  const { price, stop, takeProfit, trailingArm, trailingDistance, timeoutSeconds } = signal;
  const side = signal.side === 'buy' ? colors.good('LONG ') : colors.bad('SHORT');
  return [
    momentOf(signal.timestamp),
    `${signal.exchange}:${signal.market}:${signal.symbol}`,
    `${side} ${price}`,
    `stop ${stop} (${shareOf(stop, price)})`,
    `target ${takeProfit} (${shareOf(takeProfit, price)})`,
    `trail ${(trailingDistance * 100).toFixed(2)}% from ${trailingArm}`,
    `${timeoutSeconds / 3600}h`,
    colors.faint(TRIGGERS.map(({ feature, property }) => `${feature} ${signed(signal[property])}`).join(' ')),
  ].join('  ');
}

/** Returns a rejection as one line: what would have come, and why it did not. */
export function rejectionLine({ row, side, reasons, gates }: Rejection): string {
  const causes = reasons.map((reason) => {
    const gate = reason === 'cooldown' || reason === 'price' ? undefined : gates[reason];
    return gate ? `${reason} (${gate.value === undefined ? 'absent' : gate.value}, expected ${gate.limit})` : reason;
  });
  const values = TRIGGERS.map(({ feature, property }) => `${feature} ${signed(row[property])}`).join(' ');
  const name = `${row.exchange}:${row.market}:${row.symbol}`;
  return `rejected ${momentOf(row.timestamp)} ${name} ${side === 'buy' ? 'long' : 'short'}: ${causes.join(', ')}; ${values}`;
}

function momentOf(timestamp: number): string {
  return `${formatTime(timestamp).slice(0, 19).replace('T', ' ')}Z`;
}

function shareOf(target: number, price: number): string {
  const share = (target / price - 1) * 100;
  return `${share > 0 ? '+' : ''}${share.toFixed(2)}%`;
}

function signed(value: number | undefined): string {
  return value === undefined ? 'absent' : `${value > 0 ? '+' : ''}${value.toFixed(2)}`;
}
