import type { PrivateFill } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { roleKey } from './client-id.js';
import type { OwnOrder } from './state.js';
import type { Turn } from './turn.js';

/** Says once that an order has filled as a whole, with what it means for the position: the numbers of this moment, exactly. */
export function reportFilled(turn: Turn, order: OwnOrder): void {
  const { state, config } = turn;
  const { role, number, fillSum, fillValue, reduces } = order;
  const decimals = new Exact(state.rules.tick).decimalPlaces();
  const priceText = (value: Exact) => value.toDecimalPlaces(Math.max(decimals, 0)).toFixed(Math.max(decimals, 0));
  const isHeld = Number(state.held) > 0;
  const data = {
    ...{ role, number, side: config.side, amount: fillSum, held: state.held },
    ...(fillValue !== undefined && { price: priceText(new Exact(fillValue).div(fillSum)) }),
    ...(isHeld && { average: priceText(new Exact(state.cost).div(state.held)) }),
    ...(isHeld && state.wanted.takeProfit !== undefined && { takeProfit: state.wanted.takeProfit }),
    ...(reduces && { profit: (state.books.profits.at(-1) ?? 0).toFixed(4) }),
  };
  const message = `${roleKey(order)} filled: ${fillSum}${data.price === undefined ? '' : ` at ${data.price}`}`;
  turn.event('routine', 'filled', message, { clientId: order.clientId, data });
}

/** Says what a fill of the stop that the exchange holds closed: such a stop has no order of ours that could be whole. */
export function reportStopped(turn: Turn, { price, amount }: PrivateFill, realised: Exact | undefined): void {
  const { state, config } = turn;
  const data = {
    role: 'stop',
    side: config.side,
    amount,
    held: state.held,
    price,
    profit: (realised ?? new Exact(0)).toFixed(4),
  };
  turn.event('routine', 'filled', `stop of the exchange filled: ${amount} at ${price}`, { data });
}
