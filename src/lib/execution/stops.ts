import type { PrivateFill, PrivateOrder, PrivateStop, WriteResult } from '../exchanges/private-side.js';
import { Exact, roundDown, roundUp } from '../model/ticks.js';
import { clientIdOf, parseClientId } from './client-id.js';
import type { Action } from './messages.js';
import { closingSide, isOfSide, positionModeOf } from './sides.js';
import type { RunConfig, RunState } from './state.js';
import type { Turn } from './turn.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Until a read shows a stop that was sent, no second one is: one too many would have to be taken away again. */
const PROTECTION = 5 * SECOND;
const AFTER_REFUSAL = 2 * SECOND;
const MOST_REFUSALS = 3;
const MOST_SENDS = 3;
const MISSING = 10 * SECOND;

/** Returns where the exchange is to close the position of the current cycle; undefined without a plan or such a stop. */
export function stopPrice({ plan, rules }: Pick<RunState, 'plan' | 'rules'>, config: RunConfig): Exact | undefined {
  const { exchangeStop, side } = config;
  if (exchangeStop === undefined || plan === undefined) return undefined;
  const { price, share } = exchangeStop;
  if (price !== undefined) return new Exact(price);
  const distance = new Exact(share as string).times(side === 'long' ? -1 : 1).plus(1);
  return (side === 'long' ? roundUp : roundDown)(distance.times(plan.price), new Exact(rules.tick));
}

/** Returns why a stop does not fit a ladder: one before the last level would close what later levels then open again. */
export function stopRefusal(state: Pick<RunState, 'plan' | 'rules'>, config: RunConfig): string | undefined {
  const price = stopPrice(state, config);
  const last = state.plan?.levels.at(-1)?.price;
  if (price === undefined || last === undefined) return undefined;
  const isBeyond = config.side === 'long' ? price.lt(last) && price.gt(0) : price.gt(last);
  return isBeyond ? undefined : `the exchange stop at ${price} is not beyond the last level at ${last}`;
}

/** Whether nothing has to be done about the stop: it rests where it should, or none is wanted. */
export function isStopped(state: RunState, config: RunConfig): boolean {
  const price = stopPrice(state, config);
  return price === undefined || state.stop.shown.some((stop) => isOwn(stop, config) && price.eq(stop.price));
}

/** On an exchange where the stop is a setting of the position it has no client id; a stop of a part is never ours. */
function isOwn({ clientId, isPartial }: PrivateStop, { id }: RunConfig): boolean {
  return !isPartial && (clientId === undefined || parseClientId(clientId)?.run === id);
}

/** Whether an order in a list is the stop: while it waits, or when it was triggered. */
export function isStopOrder(state: RunState, config: RunConfig, order: PrivateOrder): boolean {
  if (config.exchangeStop === undefined) return false;
  const parts = parseClientId(order.clientId);
  if (parts?.run === config.id && parts.role === 'stop') return true;
  const isClosing = order.side === closingSide(config) && isOfSide(order, config);
  return isClosing && (order.isTrigger === true || (order.orderId !== undefined && state.stop.ids.includes(order.orderId)));
}

/** Whether a fill is of the stop. */
export function isStopFill({ stop }: RunState, { exchangeStop, id }: RunConfig, { orderId, clientId }: PrivateFill): boolean {
  const parts = parseClientId(clientId);
  return exchangeStop !== undefined && (stop.ids.includes(orderId) || (parts?.run === id && parts.role === 'stop'));
}

/** Returns what is due: the stop that is missing, then the removal of one at another price. */
export function stopWrites(state: RunState, config: RunConfig, at: number): Action[] {
  const price = stopPrice(state, config);
  const { stop, reads } = state;
  if (price === undefined || Number(state.held) === 0 || at < stop.next || reads.stops.answered < stop.at) return [];
  if (!isStopped(state, config)) return [{ kind: 'protect', price: price.toString() }];
  const other = stop.shown.find((one) => isOwn(one, config) && !price.eq(one.price));
  return other?.orderId === undefined ? [] : [{ kind: 'unprotect', orderId: other.orderId }];
}

/** Makes the wire of a stop that is about to leave, with its intent. */
export function sendStop(turn: Turn, action: Extract<Action, { kind: 'protect' | 'unprotect' }>): void {
  const { state, config, at, time } = turn;
  const { market, symbol, settle, side } = config;
  const scope = { market, symbol, settle };
  state.stop.at = at;
  state.stop.next = at + PROTECTION;
  turn.touch();
  if (action.kind === 'unprotect') {
    turn.wire = { kind: 'unprotect', stop: { ...scope, orderId: action.orderId }, timestamp: Math.floor(time) };
    return;
  }
  state.stop.sends = [...state.stop.sends.filter((sent) => at - sent < MINUTE), at];
  if (state.stop.sends.length > MOST_SENDS) {
    turn.halt('loop', `the exchange stop was set ${MOST_SENDS} times within a minute and does not rest`);
    return;
  }
  const { cycle, starts } = state;
  const number = state.stop.number;
  const parts = { run: config.id, start: starts.at(-1) as string, cycle, role: 'stop', number, attempt: 0 } as const;
  const clientId = clientIdOf(parts);
  state.stop.number += 1;
  const request = {
    ...({ role: 'stop', number, side: closingSide(config), kind: 'market', price: action.price } as const),
    ...{ amount: state.held, reduces: true },
  };
  const sent = Math.floor(time);
  turn.intent({ clientId, cycle, role: 'stop', number, attempt: 0, request, sent });
  turn.wire = {
    kind: 'protect',
    stop: { ...scope, clientId, side, positionMode: positionModeOf(config), price: action.price },
    timestamp: sent,
  };
}

/** Takes what a stop has become; only a read says that it rests. */
export function stopSent(turn: Turn, { outcome }: WriteResult): void {
  const { stop, reads } = turn.state;
  reads.stops.due = turn.at;
  if (outcome.class !== 'definite') return;
  stop.refusals += 1;
  stop.next = turn.at + AFTER_REFUSAL;
  if (stop.refusals < MOST_REFUSALS) turn.event('warning', 'stop_refused', `the exchange stop was refused: ${outcome.message}`);
  else turn.halt('stop_refused', `the exchange refuses the stop at ${stopPrice(turn.state, turn.config)}: ${outcome.message}`);
}

/** Takes the stops that the exchange shows. */
export function readStops(turn: Turn, stops: readonly PrivateStop[]): void {
  const { state, config } = turn;
  const shown = stops.filter(({ positionSide }) => positionSide === undefined || positionSide === config.side);
  const wasStopped = isStopped(state, config);
  const ids = shown.flatMap(({ orderId }) => orderId ?? []).filter((id) => !state.stop.ids.includes(id));
  if (ids.length > 0) state.stop.ids = [...state.stop.ids, ...ids].slice(-20);
  const hasChanged = JSON.stringify(state.stop.shown) !== JSON.stringify(shown);
  state.stop.shown = shown;
  if (hasChanged) turn.touch();
  const foreign = shown.find((stop) => !isOwn(stop, config));
  if (foreign && Number(state.held) > 0)
    turn.halt('foreign_order', `a stop at ${foreign.price} that is not ours closes ${config.symbol}`);
  if (isStopped(state, config)) {
    Object.assign(state.stop, { refusals: 0, missingSince: undefined });
    turn.clear('no_stop');
    if (!wasStopped && hasChanged)
      turn.event('routine', 'stop', `the exchange closes the position at ${stopPrice(state, config)}`);
  } else if (wasStopped && hasChanged && Number(state.held) > 0)
    turn.event('warning', 'stop_gone', `the exchange stop at ${stopPrice(state, config)} is gone, and not by this run`);
}

/** A position without its stop is what the owner has asked never to have. */
export function watchStop(turn: Turn): void {
  const { state, config, at } = turn;
  if (Number(state.held) === 0 || isStopped(state, config)) {
    state.stop.missingSince = undefined;
    return;
  }
  state.stop.missingSince ??= at;
  if (at - state.stop.missingSince > MISSING)
    turn.alarm('no_stop', `${state.held} is held without the exchange stop at ${stopPrice(state, config)} for 10 s`);
}
