import type { PrivateFill, PrivateOrder, PrivatePosition } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { bookFill, noteHeld, noteOther } from './bookings.js';
import { parseClientId } from './client-id.js';
import { lossRefusal } from './gate.js';
import { reportFill } from './ladder.js';
import type { LookupAnswer } from './messages.js';
import { equityOf, isLive, isSettled, orderOf } from './orders.js';
import { closesOwn, closingSide, modeName, otherPosition, ownPosition, positionModeOf } from './sides.js';
import type { OwnOrder, ReadKind } from './state.js';
import { isStopOrder } from './stops.js';
import type { Turn } from './turn.js';
import { countUnknown, kinship, viewOrder } from './views.js';

const SECOND = 1_000;
/** An order that is younger cannot be declared missing by a list: lists are behind. */
const PROTECTION = 5 * SECOND;
/** Beyond timestamp + window: what a clock of the exchange may be off. */
const MARGIN = 5 * SECOND;
const BETWEEN_ROUNDS = 2 * SECOND;
const ROUNDS = 2;
/** An accepted order that no list has for this long has vanished. */
const VANISHED = 60 * SECOND;
const LOOKUPS = 4;
/** A position that differs counts after a few reads in a row: it may be behind its fills. */
const MISMATCHES = 3;
const MISMATCH_FOR = 10 * SECOND;
const ALARM_DRAWDOWN = '0.2';

const PERIODS: Readonly<Record<ReadKind, number>> = {
  open: 2 * SECOND,
  position: 2 * SECOND,
  fills: 60 * SECOND,
  funding: 60 * SECOND,
  stops: 2 * SECOND,
};

/** Notes that a read was answered, and when the next one is due. */
export function answered(turn: Turn, what: ReadKind, asked: number): void {
  const read = turn.state.reads[what];
  read.asked = undefined;
  read.answered = Math.max(read.answered, asked);
  read.got = turn.at;
  read.due = turn.at + PERIODS[what];
}

/** Takes the open orders of the symbol. An order of ours that is not among them is looked up by itself. */
export function readOpen(turn: Turn, asked: number, orders: readonly PrivateOrder[]): void {
  const { state, config } = turn;
  const listed = new Set<OwnOrder>();
  const foreign: string[] = [];
  for (const order of orders.filter((one) => one.symbol === config.symbol && !isStopOrder(state, config, one))) {
    const own = viewOrder(turn, order) ?? adopt(turn, order);
    if (own) listed.add(own);
    else foreign.push(order.orderId ?? order.clientId ?? '?');
    if (!own && closesOwn(order, config) && !state.isStarting)
      turn.halt(
        'foreign_order',
        `an order that closes the position and is not ours rests on ${config.symbol}: ${foreign.at(-1)}`,
      );
  }
  for (const order of state.orders) {
    if (!isLive(order) || order.state !== 'accepted' || listed.has(order)) continue;
    if (asked > order.at + PROTECTION && asked > order.heardAt)
      order.search ??= { rounds: 0, last: -1, next: turn.at, isAsked: false };
  }
  if (foreign.length > 0 && state.foreign.join() !== foreign.join() && !state.isStarting)
    turn.event('warning', 'foreign_order', `orders that are not ours rest on ${config.symbol}: ${foreign.join(', ')}`);
  state.foreign = foreign;
}

/** An order of our run that this process does not know: a late one of an earlier cycle, or another copy of the database at work. */
function adopt(turn: Turn, view: PrivateOrder): OwnOrder | undefined {
  const { state } = turn;
  const kin = kinship(turn, view.clientId);
  if (kin === 'foreign') return undefined;
  if (kin === 'stranger')
    turn.halt(
      'other_copy',
      `${view.clientId} is an order of this run that its database does not know: another copy of this run is active, or this database is an old copy`,
    );
  const parts = parseClientId(view.clientId);
  if (kin === 'stranger' || parts === undefined) return undefined;
  if (parts.cycle >= state.cycle) {
    turn.halt('journal_behind', `${view.clientId} is an order of this run and not in its journal: the database is an old copy`);
    return undefined;
  }
  const order: OwnOrder = {
    clientId: view.clientId as string,
    ...parts,
    side: view.side,
    kind: view.kind,
    price: view.price,
    amount: view.amount,
    reduces: parts.role === 'take_profit' || parts.role === 'close',
    sent: turn.time,
    state: 'accepted',
    status: view.status,
    orderId: view.orderId,
    filled: '0',
    fillSum: '0',
    at: turn.at,
    heardAt: turn.at,
  };
  state.orders.push(order);
  turn.event('alarm', 'late_order', `${order.clientId} of cycle ${parts.cycle} is on the exchange after all: it is cancelled`, {
    clientId: order.clientId,
  });
  turn.changed(order);
  return viewOrder(turn, view) ?? order;
}

/** Of one moment, what opens comes before what closes it: lists have the newest first, and time alone does not say. */
function inOrder({ state, config }: Turn, fills: readonly PrivateFill[]): PrivateFill[] {
  const closing = closingSide(config);
  const closes = (fill: PrivateFill) => Number((fill.side ?? orderOf(state, fill)?.side) === closing);
  return [...fills].reverse().sort((a, b) => a.timestamp - b.timestamp || closes(a) - closes(b));
}

/** Takes fills; those that were asked for after an order had ended are all of it. */
export function readFills(turn: Turn, asked: number, fills: readonly PrivateFill[]): void {
  for (const fill of inOrder(turn, fills)) bookFill(turn, fill);
  for (const order of turn.state.orders) {
    if (order.endedAt === undefined || order.isProven || asked < order.endedAt) continue;
    order.isProven = true;
    turn.touch();
  }
  if (turn.state.orders.some((order) => order.endedAt !== undefined && !isSettled(order)))
    turn.state.reads.fills.due = turn.at + SECOND;
}

/** Compares the position of the run with what was booked, and with what was planned. */
export function readPositions(turn: Turn, asked: number, positions: readonly PrivatePosition[]): void {
  const { state, config } = turn;
  const position = ownPosition(positions, config);
  const view = {
    amount: position?.amount ?? '0',
    side: position?.positionSide,
    average: position?.average,
    mark: position?.mark,
    leverage: position?.leverage,
    marginMode: position?.marginMode,
    liquidation: position?.liquidation,
  };
  const hasChanged = state.position?.amount !== view.amount || state.position?.side !== view.side;
  state.position = view;
  if (hasChanged) turn.position();
  checkMode(turn, positions);
  watchOther(turn, positions);
  compare(turn, asked);
  if (Number(view.amount) > 0 && Number(state.held) > 0) checkSettings(turn);
  watchLoss(turn);
}

function checkMode(turn: Turn, positions: readonly PrivatePosition[]): void {
  const { config } = turn;
  const planned = positionModeOf(config);
  const other = positions.find(({ symbol, positionMode }) => symbol === config.symbol && positionMode !== planned);
  if (other === undefined || config.market === 'spot') return;
  turn.halt(
    'position_mode',
    `${config.symbol} is in ${modeName(other)} mode and the plan is for ${modeName(config)} mode: change it on the exchange`,
  );
}

/** The other side of hedge mode is somebody else's: nothing begins beside it, and what is open goes on without touching it. */
function watchOther(turn: Turn, positions: readonly PrivatePosition[]): void {
  const { state, config } = turn;
  if (positionModeOf(config) !== 'hedge') return;
  const other = otherPosition(positions, config);
  const before = state.other;
  state.other = other && `a ${other.positionSide} position of ${other.amount} in ${config.symbol}`;
  noteOther(state, other !== undefined, Math.floor(turn.time * 1_000));
  if (state.other !== before) turn.touch();
  if (state.other === undefined) turn.clear('other_side');
  else if (state.isStarting && state.plan === undefined)
    turn.halt('foreign_position', `${state.other} is not of this run: close it first`, true);
  else
    turn.alarm(
      'other_side',
      `${state.other} is not of this run: it is left alone, funding is not in the profit while both are held, and no cycle begins`,
      'warning',
    );
}

function compare(turn: Turn, asked: number): void {
  const { state, config } = turn;
  const position = state.position as NonNullable<typeof state.position>;
  const amount = new Exact(position.amount);
  const isTurned = !amount.isZero() && position.side !== undefined && position.side !== config.side;
  // What an order says has filled and no list of fills has yet is in the position already.
  const coming = state.orders.reduce(
    (sum, order) => sum.plus(new Exact(order.filled).minus(order.fillSum).times(order.reduces ? -1 : 1)),
    new Exact(0),
  );
  const isSame = !isTurned && (amount.eq(state.held) || amount.eq(coming.plus(state.held)));
  if (isSame) {
    state.mismatch = undefined;
    return;
  }
  state.reads.fills.due = Math.min(state.reads.fills.due, turn.at);
  if (state.isResuming && amount.isZero()) {
    writeOff(turn);
    return;
  }
  state.mismatch ??= { count: 0, since: turn.at };
  if (asked < state.lastFill) return;
  // Its own orders may have filled without a word: as long as one is unknown, nothing is decided.
  if (state.orders.some((order) => order.state === 'sent' || order.state === 'unknown')) return;
  state.mismatch.count += 1;
  const { count, since } = state.mismatch;
  const isOwnersAlone = state.isStarting && state.plan === undefined;
  if (isOwnersAlone && state.reads.fills.answered >= 0)
    turn.halt(
      'foreign_position',
      `a position of ${position.amount} in ${config.symbol} is not of this run: close it first`,
      true,
    );
  // Where requests are refused for a while, the fills that explain it may not have been read.
  else if (count >= MISMATCHES && turn.at - since >= MISMATCH_FOR && state.reads.fills.answered >= since)
    turn.halt(
      'mismatch',
      `the position is ${isTurned ? 'turned, ' : ''}${position.amount}, the fills of this run make ${state.held}: somebody else traded ${config.symbol}`,
    );
}

/** The owner has closed by hand what a halted run held, and lets it go on: its cycle ends, at a profit that nobody here knows. */
function writeOff(turn: Turn): void {
  const { state } = turn;
  turn.event('warning', 'written_off', `${state.held} was closed outside of this run: its profit is not in the figures`);
  const price = state.position?.mark ?? state.plan?.price ?? '1';
  const amount = state.held;
  Object.assign(state, { held: '0', cost: '0' });
  reportFill(turn, undefined, { price, amount, realised: 0, timestamp: Math.floor(turn.time * 1_000) });
  Object.assign(state, { hasEnded: true, cleanAt: undefined, wanted: { entry: false, levels: [] } });
  noteHeld(state, turn.time * 1_000);
  state.mismatch = undefined;
  state.puzzle = undefined;
}

/** Leverage and margin mode are compared at every read: a ladder with others is liquidated elsewhere than planned. */
function checkSettings(turn: Turn): void {
  const { state, config } = turn;
  const { leverage, marginMode, liquidation } = state.position as NonNullable<typeof state.position>;
  if (leverage !== undefined && !new Exact(leverage).eq(config.leverage))
    turn.halt('leverage', `the leverage of the position is ${leverage}, planned is ${config.leverage}`);
  if (marginMode !== undefined && marginMode !== config.marginMode)
    turn.halt('margin_mode', `the margin mode of the position is ${marginMode}, planned is ${config.marginMode}`);
  const last = state.plan?.levels.at(-1)?.price;
  const isOpen = state.orders.some((order) => order.role === 'level' && isLive(order));
  if (liquidation === undefined || last === undefined || !isOpen) return;
  const isBefore = config.side === 'long' ? new Exact(liquidation).gt(last) : new Exact(liquidation).lt(last);
  if (isBefore) turn.alarm('liquidation_near', `the exchange liquidates at ${liquidation}, before the last level at ${last}`);
  else turn.clear('liquidation_near');
}

/** Realised and open loss together. */
function watchLoss(turn: Turn): void {
  const { state, config } = turn;
  const { books } = state;
  const equity = equityOf(state, config);
  if (equity === undefined) return;
  if (equity.gt(books.peak)) books.peak = equity.toString();
  const fall = new Exact(books.peak).minus(equity);
  if (fall.gt(books.drawdown)) books.drawdown = fall.toString();
  const deposit = new Exact(state.plan?.deposit ?? config.deposit);
  const lost = lossRefusal(state, config);
  if (lost) turn.halt(lost.kind, lost.message);
  const share = fall.div(deposit);
  if (share.gte(ALARM_DRAWDOWN))
    turn.alarm('drawdown', `the drawdown is ${share.times(100).toDecimalPlaces(1)} % of the deposit`);
  else if (share.lt('0.18')) turn.clear('drawdown');
}

/** Takes the answers to a lookup of one order. A lookup that failed is no answer, whatever the others say. */
export function looked(turn: Turn, order: OwnOrder, answers: readonly LookupAnswer[]): void {
  const search = order.search ?? { rounds: 0, last: -1, next: turn.at, isAsked: false };
  search.isAsked = false;
  const found = answers.flatMap((answer) => answer.order ?? []);
  for (const view of found) viewOrder(turn, { ...view, clientId: order.clientId });
  for (const fill of answers.flatMap((answer) => answer.fills ?? [])) bookFill(turn, fill);
  if (found.length > 0 || order.state === 'rejected' || order.endedAt !== undefined) return;
  order.search = search;
  const times = answers.map(({ time }) => time).filter((time): time is number => time !== undefined);
  const isAnswered = answers.length === LOOKUPS && answers.every((answer) => answer.answered) && times.length === LOOKUPS;
  if (!isAnswered) {
    search.next = turn.at + SECOND;
    countUnknown(turn);
    return;
  }
  const earliest = Math.min(...times) / 1_000;
  if (order.state === 'accepted') vanish(turn, order, search, earliest);
  else proveAbsence(turn, order, search, earliest);
}

/**
 * Absence is proven by the exchange's clock alone: an order can still arrive until its timestamp is too old, and the host's clock
 * may have been set meanwhile. Two rounds, since an order that was accepted at the last moment may not be listed yet.
 */
function proveAbsence(turn: Turn, order: OwnOrder, search: NonNullable<OwnOrder['search']>, earliest: number): void {
  const missing = order.sent + turn.config.window + MARGIN - earliest;
  if (missing >= 0) {
    search.next = turn.at + Math.min(5 * SECOND, Math.max(SECOND, missing + 1));
    return;
  }
  if (search.rounds === 0 || turn.at - search.last >= BETWEEN_ROUNDS) {
    search.rounds += 1;
    search.last = turn.at;
  }
  search.next = turn.at + BETWEEN_ROUNDS;
  if (search.rounds < ROUNDS) return;
  order.state = 'absent';
  order.status = 'cancelled';
  order.search = undefined;
  turn.changed(order);
  turn.event('routine', 'absent', `${order.clientId} never arrived: every list has answered so twice`, {
    clientId: order.clientId,
  });
}

function vanish(turn: Turn, order: OwnOrder, search: NonNullable<OwnOrder['search']>, earliest: number): void {
  search.next = turn.at + BETWEEN_ROUNDS;
  if (earliest <= order.sent + VANISHED || turn.at - order.heardAt < PROTECTION) return;
  order.state = 'vanished';
  order.status = 'cancelled';
  order.search = undefined;
  turn.state.vanished += 1;
  turn.changed(order);
  turn.event('alarm', 'vanished', `${order.clientId} was accepted and is in no list`, { clientId: order.clientId });
  if (turn.state.vanished > 1) turn.halt('vanished', 'two orders of one cycle were accepted and are in no list of the exchange');
}

/** Until orders, fills and then the position are read, nothing is placed. */
export function reconcile({ state, at }: Turn): void {
  state.reconciles = at;
  state.listsRead = undefined;
  for (const read of Object.values(state.reads)) Object.assign(read, { asked: undefined, answered: -1, got: -1, due: at });
}
