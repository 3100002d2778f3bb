import type { Outcome, PrivateOrder, WriteResult } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { end, revive } from './bookings.js';
import { parseClientId, roleKey } from './client-id.js';
import { reportRefusal } from './ladder.js';
import { closable, isBelowMinimum, orderOf } from './orders.js';
import { modeName } from './sides.js';
import type { OwnOrder } from './state.js';
import type { Turn } from './turn.js';
import { noteThrottle } from './watching.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Outcomes in a row that nobody knows, until a warning and until a pause. */
const WARN_UNKNOWNS = 5;
const MOST_UNKNOWNS = 20;
/** Throttled requests in a row that are taken for a ban, and its length. */
const MOST_THROTTLES = 3;
const LIKE_BAN = 5 * MINUTE;

/**
 * Takes what a read or a push says of an order of ours: what has filled never goes down, an ended order never opens again, so
 * an answer that was asked for before a push cannot undo it.
 */
export function viewOrder(turn: Turn, view: PrivateOrder): OwnOrder | undefined {
  const order = orderOf(turn.state, view);
  if (!order) return undefined;
  const before = JSON.stringify([order.state, order.status, order.filled, order.orderId, order.actualPrice]);
  order.heardAt = turn.at;
  order.orderId ??= view.orderId;
  if (order.state !== 'accepted' && view.status !== 'rejected') revive(turn, order);
  order.search = undefined;
  if (new Exact(view.filled).gt(order.filled)) order.filled = new Exact(view.filled).toString();
  if (new Exact(order.filled).gt(order.fillSum)) turn.state.reads.fills.due = Math.min(turn.state.reads.fills.due, turn.at);
  movePrice(turn, order, view);
  cutAmount(turn, order, view);
  if (view.status === 'filled' || view.status === 'cancelled') finish(turn, order, view);
  else if (view.status === 'rejected' && order.endedAt === undefined)
    reject(turn, order, view.reason ?? 'rejected by the exchange');
  else if (order.endedAt === undefined) order.status = Number(order.filled) > 0 ? 'partial' : 'new';
  if (JSON.stringify([order.state, order.status, order.filled, order.orderId, order.actualPrice]) !== before) turn.changed(order);
  return order;
}

/** The exchange may move a price into its band: what it accepted is the order's price, and no reason to place it again. */
function movePrice(turn: Turn, order: OwnOrder, { price }: PrivateOrder): void {
  if (order.kind === 'market' || price === undefined || order.price === undefined) return;
  if (order.actualPrice !== undefined || new Exact(price).eq(order.price)) return;
  order.actualPrice = price;
  turn.event('warning', 'price_moved', `the exchange moved ${order.clientId} from ${order.price} to ${price}`, {
    clientId: order.clientId,
  });
}

/** The exchange cuts a reduce-only order to what it thinks is held. */
function cutAmount(turn: Turn, order: OwnOrder, { amount }: PrivateOrder): void {
  if (!order.reduces || !new Exact(amount).gt(0) || new Exact(amount).gte(order.amount)) return;
  turn.event('warning', 'amount_cut', `the exchange cut ${order.clientId} from ${order.amount} to ${amount}`, {
    clientId: order.clientId,
  });
  order.amount = amount;
  order.isCut = true;
  turn.state.reads.position.due = turn.at;
}

function finish(turn: Turn, order: OwnOrder, view: PrivateOrder): void {
  if (order.endedAt !== undefined) return;
  end(turn, order, view.status as 'filled' | 'cancelled');
  order.reason = view.reason;
  if (view.status === 'filled' || order.cancel !== undefined || order.kind === 'market') return;
  // A take profit that the exchange cuts or cancels is placed again; a level that ends without us is somebody's doing.
  if (order.role === 'level' && turn.state.halt === undefined) {
    turn.state.puzzle ??= { clientId: order.clientId, at: turn.at };
    const { reads } = turn.state;
    reads.fills.due = turn.at;
    reads.position.due = turn.at;
  }
}

function reject(turn: Turn, order: OwnOrder, reason: string): void {
  order.state = 'rejected';
  order.status = 'rejected';
  order.reason = reason;
  order.endedAt = turn.at;
  turn.state.books.rejected += 1;
}

/** How long a role waits after a refusal, by its cause; causes without one halt the run. */
const WAITS: Readonly<Record<string, number>> = {
  funds: MINUTE,
  risk: MINUTE,
  count: MINUTE,
  price: MINUTE / 2,
  amount: MINUTE,
  state: MINUTE / 2,
  symbol: MINUTE / 2,
  'reduce-only': 2 * SECOND,
  position: 2 * SECOND,
};

/** Whether a refusal has a cause that a role waits for, so that it halts nothing. */
export function isHandled(cause: Outcome['cause']): boolean {
  return cause !== undefined && WAITS[cause] !== undefined;
}

/** Takes what an order of a write has become. */
export function placed(turn: Turn, order: OwnOrder, { outcome, orderId }: WriteResult): void {
  const { state } = turn;
  if (order.state !== 'sent' && order.state !== 'unknown') return;
  order.heardAt = turn.at;
  switch (outcome.class) {
    case 'success':
      order.state = 'accepted';
      order.orderId ??= orderId;
      if (order.status === 'unknown') order.status = 'new';
      turn.changed(order);
      state.unknowns = 0;
      turn.clear('errors');
      return;
    case 'definite':
      refuse(turn, order, outcome);
      return;
    case 'throttle':
    case 'ban':
    case 'clock':
    case 'key':
    case 'region':
      reject(turn, order, outcome.message);
      // It never reached the book: that is no sign of a loop.
      state.places[roleKey(order)]?.pop();
      turn.changed(order);
      stopFor(turn, outcome);
      return;
    default:
      doubt(turn, order, outcome);
  }
}

function refuse(turn: Turn, order: OwnOrder, { cause, message, code }: WriteResult['outcome']): void {
  const { state } = turn;
  reject(turn, order, message);
  turn.changed(order);
  state.unknowns = 0;
  const wait = WAITS[cause ?? ''];
  reportRefusal(turn, order, cause ?? 'refused', wait !== undefined);
  const target = state.wanted.takeProfit;
  const isDust = target !== undefined && isBelowMinimum(closable(state), target, state.rules);
  if (order.role === 'close' && isDust && state.ending === undefined) {
    turn.halt('dust', `${order.amount} is too little to close by an order (${message}): close it on the site, then --resume`);
    return;
  }
  // Nothing is held that an opening order could fail to close: the exchange reads it as one of the other position mode.
  if (!order.reduces && (cause === 'reduce-only' || cause === 'position')) {
    turn.halt(
      'position_mode',
      `the exchange takes no order in ${modeName(turn.config)} mode (${message}): change the position mode on its site`,
    );
    return;
  }
  if (wait === undefined) {
    turn.halt('refused', `the exchange refused ${order.clientId}: ${message}`);
    return;
  }
  state.deferred[roleKey(order)] = { until: turn.at + wait, cause: cause as string, message };
  state.nextPlan = Math.max(state.nextPlan, turn.at + wait);
  // The exchange may have changed what an order must fit.
  if (cause === 'price' || cause === 'amount') state.termsDue = turn.at;
  const then = order.role === 'take_profit' && cause === 'price' ? '; a price beyond it closes by market' : '';
  turn.event('warning', 'deferred', `${roleKey(order)} deferred: ${message}${then}`, { clientId: order.clientId, code });
  if (cause === 'funds' || cause === 'risk') {
    state.isShort = true;
    turn.alarm('short', `the margin does not suffice for ${roleKey(order)}: ${message}`);
  }
  if (cause === 'position' || cause === 'reduce-only') state.reads.position.due = turn.at;
}

/** After these nothing is sent for a while, or ever again. */
export function stopFor(turn: Turn, { class: outcome, message, pause }: WriteResult['outcome']): void {
  const { state } = turn;
  if (outcome === 'clock') state.needsClock = true;
  if (outcome === 'throttle') throttle(turn, pause ?? SECOND, message);
  if (outcome === 'maintenance') state.pausedUntil = Math.max(state.pausedUntil, turn.at + (pause ?? MINUTE / 2));
  if (outcome === 'maintenance') {
    turn.alarm('maintenance', message, 'warning');
    // After the pause it is looked first, and nothing is sent before that is answered.
    state.reconciles = turn.at;
    state.listsRead = undefined;
  }
  if (outcome === 'ban') {
    state.pausedUntil = Math.max(state.pausedUntil, turn.at + (pause ?? MINUTE));
    turn.alarm('ban', message);
    state.reconciles = turn.at;
    state.listsRead = undefined;
  }
  if (outcome === 'key' || outcome === 'region') {
    turn.alarm(outcome, message);
    state.ending = { mode: 'keep', code: 5, since: turn.at };
  }
}

/** An exchange may refuse an address with the words for an endpoint: who goes on asking makes its ban longer. */
function throttle(turn: Turn, pause: number, message: string): void {
  const { state } = turn;
  state.throttles += 1;
  noteThrottle(turn);
  const isBan = state.throttles >= MOST_THROTTLES;
  state.pausedUntil = Math.max(state.pausedUntil, turn.at + (isBan ? LIKE_BAN : pause));
  if (!isBan) return;
  turn.alarm('ban', `${state.throttles} requests in a row were refused (${message}): silent for 5 minutes`);
  state.reconciles = turn.at;
  state.listsRead = undefined;
}

/** The write may have arrived or not: nothing more happens for its role until that is known. */
function doubt(turn: Turn, order: OwnOrder, { message, code, class: outcome }: WriteResult['outcome']): void {
  order.state = 'unknown';
  order.status = 'unknown';
  order.reason = message;
  order.search = { rounds: 0, last: -1, next: turn.at, isAsked: false };
  turn.changed(order);
  turn.event('warning', 'unknown', `what became of ${order.clientId} is not known: ${message}`, {
    clientId: order.clientId,
    code,
  });
  countUnknown(turn);
  if (outcome === 'maintenance') stopFor(turn, { class: 'maintenance', message });
}

export function countUnknown(turn: Turn): void {
  const { state } = turn;
  state.unknowns += 1;
  if (state.unknowns > WARN_UNKNOWNS) turn.alarm('errors', `${state.unknowns} requests in a row without a known outcome`);
  if (state.unknowns > MOST_UNKNOWNS) state.pausedUntil = Math.max(state.pausedUntil, turn.at + MINUTE / 2);
}

/** Takes what a cancel has led to: only a read or a push says that the order is gone. */
export function cancelled(turn: Turn, order: OwnOrder, { outcome }: WriteResult): void {
  const { cancel } = order;
  if (!cancel || order.endedAt !== undefined) return;
  cancel.at = turn.at;
  if (outcome.class === 'success') {
    cancel.state = 'accepted';
    turn.state.unknowns = 0;
  } else {
    cancel.state = 'unknown';
    stopFor(turn, outcome);
    if (outcome.class === 'unknown') countUnknown(turn);
  }
  // The order is read soon, also when the answer says that it is gone.
  order.search ??= { rounds: 0, last: -1, next: turn.at + SECOND / 4, isAsked: false };
  turn.touch();
}

/** Whether an id belongs to this run, and to a start that this database knows. */
export function kinship({ state, config }: Turn, clientId: string | undefined): 'own' | 'stranger' | 'foreign' {
  const parts = parseClientId(clientId);
  if (parts === undefined || parts.run !== config.id) return 'foreign';
  return state.starts.includes(parts.start) ? 'own' : 'stranger';
}
