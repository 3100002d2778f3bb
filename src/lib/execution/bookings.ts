import type { PrivateFill, PrivateFunding } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { roleKey } from './client-id.js';
import { FUNDING_OVERLAP } from './due.js';
import { reportFilled, reportStopped } from './fill-report.js';
import { reportFill } from './ladder.js';
import { orderOf } from './orders.js';
import { closingSide, isOfSide } from './sides.js';
import type { OwnOrder, RunState } from './state.js';
import { isStopFill } from './stops.js';
import type { Turn } from './turn.js';

/** Fills of this many cycles back are still known: an exchange that repeats its pushes does so within minutes. */
const REMEMBERED = 2_000;
const PROFITS = 200;

function keyOf({ market, tradeId }: PrivateFill): string {
  return `${market} ${tradeId}`;
}

/** Whether a fill closes part of the position. */
function reduces(turn: Turn, fill: PrivateFill, order: OwnOrder | undefined): boolean {
  return order?.reduces ?? isClosing(turn, fill);
}

/** Whether a fill without an order of ours closes the position of the run: in hedge mode the exchange may close the other one. */
function isClosing({ config }: Turn, fill: PrivateFill): boolean {
  return isOfSide(fill, config) && (fill.side === undefined || fill.side === closingSide(config));
}

/**
 * Books a fill once. Only ids decide whose it is: a fill of the same price and amount may be the owner's own trade. What the
 * exchange itself traded against the position (a liquidation) has no order of ours, and is booked too, from the first fill of the
 * position on: by the clock of the exchange, since that of this host may have stepped.
 */
export function bookFill(turn: Turn, fill: PrivateFill): void {
  const { state, config } = turn;
  if (fill.symbol !== config.symbol || fill.market !== config.market) return;
  const key = keyOf(fill);
  if (state.fills.includes(key)) return;
  const order = orderOf(state, fill);
  const isForced = ['liquidation', 'adl', 'settlement'].includes(fill.cause) && isClosing(turn, fill);
  const isStop = order === undefined && isStopFill(state, config, fill);
  if (order === undefined && !((isForced || isStop) && isWhileHeld(state, fill))) return;
  state.fills.push(key);
  if (state.fills.length > REMEMBERED) state.fills.shift();
  const realised = bookPosition(turn, fill, reduces(turn, fill, order));
  noteHeld(state, fill.timestamp);
  bookMoney(turn, fill, realised);
  turn.fill(fill, order, realised?.toNumber(), isStop);
  state.lastFill = turn.at;
  state.mismatch = undefined;
  state.places = {};
  const isFilled = () => order !== undefined && new Exact(order.fillSum).gte(order.amount);
  const wasFilled = isFilled();
  if (order) bookOrder(turn, order, fill);
  reportFill(turn, order, { ...fill, realised: realised?.toNumber() ?? 0 });
  if (order && !wasFilled && isFilled()) reportFilled(turn, order);
  if (isForced) force(turn, fill);
  if (isStop) reportStopped(turn, fill, realised);
  if (isStop) turn.halt('exchange_stop', `the stop that the exchange holds closed ${fill.amount} at ${fill.price}`);
}

function isWhileHeld({ held, heldSpans, since }: RunState, { timestamp }: PrivateFill): boolean {
  return Number(held) > 0 && timestamp >= (heldSpans.at(-1)?.from ?? since);
}

/** Changes what is held; returns the realised profit of a closing fill. */
function bookPosition({ state, config }: Turn, { price, amount }: PrivateFill, closes: boolean): Exact | undefined {
  const held = new Exact(state.held);
  const cost = new Exact(state.cost);
  if (!closes) {
    state.held = held.plus(amount).toString();
    state.cost = cost.plus(new Exact(amount).times(price)).toString();
    return undefined;
  }
  const closed = Exact.min(held, amount);
  const left = held.minus(closed);
  const share = held.isZero() ? new Exact(0) : left.isZero() ? cost : cost.times(closed).div(held);
  state.held = left.toString();
  state.cost = left.isZero() ? '0' : cost.minus(share).toString();
  return closed
    .times(price)
    .minus(share)
    .times(config.side === 'long' ? 1 : -1);
}

/** Funding is of this run only if it was due while the run held something. */
export function noteHeld({ held, heldSpans }: RunState, time: number): void {
  noteSpan(heldSpans, Number(held) > 0, time, time);
}

type Spans = RunState['heldSpans'];

/** Begins a span at `from`, or ends the open one at `until`, when whether something is held has changed. */
function noteSpan(spans: Spans, isHeld: boolean, from: number, until: number): void {
  const last = spans.at(-1);
  if (isHeld && (last === undefined || last.until !== undefined)) spans.push({ from });
  if (!isHeld && last !== undefined && last.until === undefined) last.until = until;
}

/** Notes whether the other side of the symbol is held: since the last read that showed nothing there, it may have been. */
export function noteOther(state: RunState, isHeld: boolean, time: number): void {
  state.otherSpans ??= [];
  noteSpan(state.otherSpans, isHeld, state.aloneAt ?? state.since, time);
  if (!isHeld) state.aloneAt = time;
}

function isWithin(spans: Spans | undefined, time: number): boolean {
  return spans?.some(({ from, until }) => time >= from && time <= (until ?? time)) === true;
}

/** Books payments of funding once each. */
export function bookFundings(turn: Turn, payments: readonly PrivateFunding[]): void {
  const { state, config } = turn;
  turn.clear('funding_unread');
  for (const { symbol, id, asset, amount, timestamp } of [...payments].sort((a, b) => a.timestamp - b.timestamp)) {
    if (symbol !== config.symbol || !isWithin(state.heldSpans, timestamp) || state.fundings.includes(id)) continue;
    state.fundings.push(id);
    if (state.fundings.length > REMEMBERED) state.fundings.shift();
    const sum = new Exact(amount);
    if (isWithin(state.otherSpans, timestamp)) {
      // A payment names the symbol and not the side: that of the other position would be booked as ours.
      const text = `${sum.toString()} ${asset} of funding is of one of two sides that were held: it is not in the profit`;
      turn.event('warning', 'funding_shared', text);
      continue;
    }
    const words = `${sum.lt(0) ? 'paid' : 'received'} ${sum.abs().toString()} ${asset} of funding`;
    if (asset === config.settle) state.books.funding = sum.plus(state.books.funding).toString();
    turn.event('routine', 'funding', asset === config.settle ? words : `${words}, which is not in the profit`);
  }
  state.fundedUntil = Math.floor(turn.time * 1_000);
  const since = state.fundedUntil - FUNDING_OVERLAP;
  const isRecent = ({ until }: Spans[number]) => until === undefined || until >= since;
  state.heldSpans = state.heldSpans.filter(isRecent);
  state.otherSpans = state.otherSpans?.filter(isRecent);
}

/** A fee in another coin has no price here: it stays out of the profit, and that is said. */
function sayFees(turn: Turn, { fees }: PrivateFill): void {
  const { state, config } = turn;
  const other = fees.find(({ asset }) => asset !== config.settle);
  if (fees.length > 0 && other === undefined) return;
  if (fees.length === 0) state.books.unknownFees += 1;
  const words = other ? `fees are taken in ${other.asset}` : 'the exchange does not say the coin of a fee';
  turn.alarm('fees_elsewhere', `${words}: they are not in the profit`, 'warning');
}

function bookMoney(turn: Turn, fill: PrivateFill, realised: Exact | undefined): void {
  const { books } = turn.state;
  const { fees, price, amount } = fill;
  sayFees(turn, fill);
  books.fills += 1;
  books.turnover = new Exact(amount).times(price).plus(books.turnover).toString();
  if (realised) books.realised = new Exact(books.realised).plus(realised).toString();
  for (const { asset, amount: fee } of fees) books.fees[asset] = new Exact(books.fees[asset] ?? 0).plus(fee).toString();
  if (realised) books.profits[books.profits.length - 1] = (books.profits.at(-1) ?? 0) + realised.toNumber();
  if (books.profits.length > PROFITS) books.profits.shift();
}

function bookOrder(turn: Turn, order: OwnOrder, fill: PrivateFill): void {
  const sum = new Exact(order.fillSum).plus(fill.amount);
  const value = new Exact(fill.amount).times(fill.price);
  if (order.fillValue !== undefined || Number(order.fillSum) === 0) order.fillValue = value.plus(order.fillValue ?? 0).toString();
  order.fillSum = sum.toString();
  order.orderId ??= fill.orderId;
  order.heardAt = turn.at;
  if (sum.gt(order.filled)) order.filled = order.fillSum;
  if (order.state !== 'accepted') revive(turn, order);
  if (sum.gte(order.amount)) end(turn, order, 'filled');
  else if (order.endedAt === undefined) order.status = 'partial';
  turn.changed(order);
  watchDoubles(turn, order);
}

/** An order that was given up is there after all. */
export function revive(turn: Turn, order: OwnOrder): void {
  const wasGivenUp = order.state === 'absent' || order.state === 'vanished' || order.state === 'rejected';
  if (wasGivenUp)
    turn.event('alarm', 'late_order', `${order.clientId} was taken for ${order.state} and is on the exchange after all`, {
      clientId: order.clientId,
    });
  order.state = 'accepted';
  order.search = undefined;
  if (order.status === 'unknown') order.status = 'new';
}

/** Learns that an order has ended; it never opens again. */
export function end(turn: Turn, order: OwnOrder, status: 'filled' | 'cancelled' | 'rejected'): void {
  if (order.endedAt === undefined) order.endedAt = turn.at;
  order.status = status;
  if (status === 'filled' && Number(order.fillSum) >= Number(order.amount)) turn.state.books.filledOrders += 1;
  // Its fills may be ahead in the list of fills, and behind in what its own status says.
  if (status !== 'filled' || new Exact(order.fillSum).lt(order.amount)) turn.state.reads.fills.due = turn.at;
}

/** A late order that fills beside the one that replaced it makes the position larger than planned: all of it is closed by one take profit. */
function watchDoubles(turn: Turn, order: OwnOrder): void {
  const { state } = turn;
  if (order.role !== 'level' && order.role !== 'entry') return;
  const planned = state.plan?.levels[order.role === 'entry' ? 0 : order.number];
  if (!planned || state.noLevels) return;
  const filled = state.orders
    .filter((one) => roleKey(one) === roleKey(order) && one.cycle === order.cycle)
    .reduce((sum, one) => sum.plus(one.fillSum), new Exact(0));
  if (filled.lte(planned.amount)) return;
  state.noLevels = true;
  state.wanted.levels = [];
  turn.event(
    'alarm',
    'duplicate_fill',
    `${roleKey(order)} filled ${filled.toString()} of ${planned.amount}: no further level in this cycle`,
  );
}

/** The exchange has closed something against our will. */
function force(turn: Turn, { cause, price, amount }: PrivateFill): void {
  const words = { liquidation: 'liquidated', adl: 'deleveraged', settlement: 'settled' }[cause as string] ?? 'closed';
  // A contract that is settled is over as it was meant to be: its cycle ends, and no other begins on a symbol that does not trade.
  if (cause === 'settlement') turn.event('alarm', cause, `the exchange ${words} ${amount} at ${price}`);
  else turn.halt(cause, `the exchange ${words} ${amount} at ${price}: what is left is yours to decide`);
}
