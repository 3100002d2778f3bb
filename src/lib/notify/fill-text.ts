import type { Role } from '../execution/client-id.js';

/** The facts of an `event` of kind `filled`, decimal text; `liquidation` is that of the position after it. */
export type FillFacts = {
  /** Of an order of the run, or `stop` for that of the exchange. */
  readonly role?: Role | 'stop';
  readonly number?: number;
  readonly side?: string;
  readonly amount?: string;
  readonly price?: string;
  readonly average?: string;
  readonly takeProfit?: string;
  readonly held?: string;
  readonly profit?: string;
  liquidation?: string;
};

/** Returns `LEVEL 2 filled  CRVUSDT  long 4.73 @ 0.4571  average 0.4690  TP 0.4783  liquidation 0.3912 (−14 %)`. */
export function fillText(facts: FillFacts, symbol = ''): string | undefined {
  const { role, number, side, amount, price, average, takeProfit, liquidation, profit } = facts;
  if (role === undefined || amount === undefined) return undefined;
  const name = role === 'level' ? `LEVEL ${number}` : role.replace('_', ' ').toUpperCase();
  const parts = [`${name} filled`, symbol, `${side} ${amount}${price === undefined ? '' : ` @ ${price}`}`];
  if (average !== undefined) parts.push(`average ${average}`);
  if (takeProfit !== undefined) parts.push(`TP ${takeProfit}`);
  if (profit !== undefined) parts.push(`profit ${profit}`);
  if (liquidation !== undefined) parts.push(`liquidation ${liquidation}${distanceText(liquidation, price)}`);
  return parts.join('  ');
}

/** How far the liquidation is from the fill. */
function distanceText(liquidation: string, price: string | undefined): string {
  if (price === undefined || !(Number(price) > 0)) return '';
  const percent = Math.round((Number(liquidation) / Number(price) - 1) * 100);
  return ` (${percent < 0 ? '−' : '+'}${Math.abs(percent)} %)`;
}
