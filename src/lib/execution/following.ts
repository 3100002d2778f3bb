import { Exact } from '../model/ticks.js';
import { obstacle } from './due.js';
import { dropPlan, undoCycle } from './ladder.js';
import { attemptsOf, closable, isBelowMinimum, isLive, isSettled, netOf, orderOf, unsettled } from './orders.js';
import { reconcile } from './readings.js';
import type { OwnOrder, RunConfig, RunState } from './state.js';
import { isStopped, stopPrice, watchStop } from './stops.js';
import type { Turn } from './turn.js';
import { watch } from './watching.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const MOST_EMPTY_ENTRIES = 3;
const UNPROTECTED = 10 * SECOND;
const UNSETTLED = 10 * SECOND;
const UNPUSHED = 3 * SECOND;
/** By then lists and positions show what has ended an order. */
const SHOWN = 4 * SECOND;
const ENDING = 60 * SECOND;

/** What follows from the state as it is now, whatever happened. */
export function follow(turn: Turn): void {
  const { state, at } = turn;
  watch(turn);
  finishReconciling(turn);
  decidePuzzle(turn);
  if (state.ending) finishEnding(turn);
  if (state.reconciles !== undefined || state.ending) return;
  haltOutside(turn);
  followEntry(turn);
  followEnd(turn);
  followLimit(turn);
  sayIdle(turn);
  watchTakeProfit(turn);
  watchStop(turn);
  if (state.unpushedSince !== undefined && at - state.unpushedSince > UNPUSHED)
    turn.alarm('pushes_missing', 'a fill was found over REST and never pushed: the private connection says nothing', 'warning');
  const stuck = state.orders.find((order) => order.endedAt !== undefined && !isSettled(order) && at - order.endedAt > UNSETTLED);
  if (stuck) turn.alarm('unsettled', `the fills of ${stuck.clientId} do not make the ${stuck.filled} that the exchange says`);
  else turn.clear('unsettled');
  for (const [key, { until }] of Object.entries(state.deferred)) if (at >= until) delete state.deferred[key];
}

function finishReconciling(turn: Turn): void {
  const { state, config } = turn;
  const { open, fills, position } = state.reads;
  const since = state.reconciles;
  if (since === undefined || state.mismatch !== undefined) return;
  if (state.orders.some((order) => order.state === 'sent' || order.state === 'unknown' || order.search !== undefined)) return;
  if (open.answered < since || fills.answered < since) return;
  state.listsRead ??= Math.max(open.got, fills.got);
  const isRead = position.answered >= state.listsRead;
  if (!isRead) position.due = Math.min(position.due, turn.at);
  if (!isRead || state.orders.some((order) => order.endedAt !== undefined && !isSettled(order))) return;
  if (state.isStarting && state.foreign.length > 0) {
    turn.halt(
      'foreign_order',
      `orders that are not of this run rest on ${config.symbol} (${state.foreign.join(', ')}): cancel them first`,
      true,
    );
    return;
  }
  state.reconciles = undefined;
  state.isStarting = false;
  state.isResuming = false;
  if (state.halted !== undefined) turn.clear(state.halted);
  state.halted = undefined;
  turn.touch();
  // Between two cycles: what was held is closed, and read as closed.
  if (
    state.hasEnded &&
    state.cleanAt !== undefined &&
    turn.at - state.cleanAt >= config.restart &&
    unsettled(state).length === 0
  ) {
    Object.assign(state, { plan: undefined, hasEnded: false, cleanAt: undefined });
  }
}

/**
 * A level that ended without our doing: a liquidation says so in its fills, else it was cancelled by hand. Fills and the position
 * may be shown late: too early, a liquidation would be taken for somebody's hand. A position that is not what the fills make is
 * decided about as any other.
 */
function decidePuzzle(turn: Turn): void {
  const { state } = turn;
  if (!state.puzzle || state.halt) return;
  const { at, clientId } = state.puzzle;
  const { fills, position } = state.reads;
  const shown = at + SHOWN;
  for (const read of [fills, position]) if (read.answered < shown) read.due = Math.min(read.due, Math.max(shown, turn.at));
  if (fills.answered < shown || position.answered < shown || state.mismatch !== undefined) return;
  state.puzzle = undefined;
  const order = orderOf(state, { clientId });
  if (order?.cycle !== state.cycle || !state.wanted.levels.includes(order.number)) return;
  turn.halt('mismatch', `${clientId} was cancelled, and not by this run: somebody else changes its ladder`);
}

function followEntry(turn: Turn): void {
  const { state, at } = turn;
  const attempts = attemptsOf(state, 'entry');
  if (state.plan === undefined || state.hasEnded || state.hasLooked || attempts.length === 0 || !attempts.every(isSettled))
    return;
  if (attempts.every(({ fillSum }) => Number(fillSum) === 0)) {
    if (attempts.every((order) => order.state !== 'rejected'))
      state.emptyEntries = [...state.emptyEntries.filter((time) => at - time < 10 * MINUTE), at];
    if (attempts.every((order) => order.state === 'rejected')) {
      state.refusedEntries += attempts.length;
      undoCycle(turn);
    } else {
      dropPlan(turn);
      state.books.profits.pop();
    }
    state.nextPlan = Math.max(state.nextPlan, at + 5 * SECOND);
    turn.touch();
    if (state.emptyEntries.length >= MOST_EMPTY_ENTRIES)
      turn.halt('entry', 'the entry did not fill three times within ten minutes');
    return;
  }
  const ended = Math.max(...attempts.map(({ endedAt }) => endedAt ?? 0), state.lastFill);
  const { open, position } = state.reads;
  const isSame = state.position !== undefined && new Exact(state.position.amount).eq(state.held);
  if (position.answered > ended && open.answered > ended && isSame) {
    state.hasLooked = true;
    state.refusedEntries = 0;
    turn.touch();
  } else {
    state.reads.position.due = Math.min(state.reads.position.due, at + SECOND / 2);
    state.reads.open.due = Math.min(state.reads.open.due, at + SECOND / 2);
  }
}

/** A cycle is over when all of its orders are settled and a position read asked for after that is 0. */
function followEnd(turn: Turn): void {
  const { state, config, at } = turn;
  if (!state.hasEnded) return;
  if (state.cleanAt !== undefined) {
    if (at - state.cleanAt >= config.restart) reconcile(turn);
    return;
  }
  if (unsettled(state).length > 0 || Number(state.held) !== 0) return;
  const ended = Math.max(...state.orders.map(({ endedAt }) => endedAt ?? 0), state.reads.fills.got, state.lastFill);
  const { position } = state.reads;
  if (position.answered < ended || Number(state.position?.amount ?? 1) !== 0) {
    state.reads.position.due = Math.min(state.reads.position.due, Math.max(at, position.got + SECOND / 2));
    return;
  }
  state.cleanAt = at;
  state.books.cycles += 1;
  const message = `cycle ${state.cycle} is over: ${(state.books.profits.at(-1) ?? 0).toFixed(4)} before fees`;
  turn.event('routine', 'cycle_end', message, { data: figuresOf(state, config) });
}

/** Figures of the run so far, for the readers of the store; amounts as text. */
function figuresOf({ books }: RunState, config: RunConfig): Readonly<Record<string, unknown>> {
  const { realised, funding, fees, turnover, drawdown, cycles, fills, placed, filledOrders, rejected } = books;
  const orders = { orders_placed: placed, orders_filled: filledOrders, orders_rejected: rejected };
  return { cycles, realised, funding, fees, profit: netOf(books, config).toString(), turnover, drawdown, fills, ...orders };
}

/** A run that has done its cycles stops by itself. */
function followLimit({ state, config, at }: Turn): void {
  const { maxCycles } = config.limits;
  if (maxCycles === undefined || state.cycle < maxCycles || state.plan !== undefined) return;
  state.ending = { mode: 'keep', code: 0, since: at };
}

/**
 * An entry that was proven absent and fills all the same: its plan is gone, so nothing says what would close it. A new cycle on top
 * of it would hold twice what its deposit is for.
 */
function haltOutside(turn: Turn): void {
  const { state, config } = turn;
  if (state.plan !== undefined || Number(state.held) === 0 || state.halt) return;
  turn.halt(
    'late_entry',
    `${state.held} of ${config.symbol} is held and no cycle is open: an entry that was given up has filled; close it, then --resume`,
  );
}

/** A run that waits for its next cycle in silence looks like one that has died. */
function sayIdle(turn: Turn): void {
  const { state, config, at } = turn;
  if (state.plan !== undefined || state.ending) return;
  const reason = obstacle(state, config, at);
  if (reason === undefined) turn.clear('idle');
  else turn.alarm('idle', `no cycle begins: ${reason}`, 'warning');
}

function watchTakeProfit(turn: Turn): void {
  const { state, at } = turn;
  const isCovered = state.orders.some((order) => order.role === 'take_profit' && isLive(order) && order.state === 'accepted');
  if (Number(state.held) === 0 || isCovered) {
    state.unprotectedSince = undefined;
    turn.clear('unprotected');
    turn.clear('dust');
    return;
  }
  const price = state.wanted.takeProfit;
  const amount = closable(state);
  const isDust = price !== undefined && isBelowMinimum(amount, price, state.rules);
  if (isDust)
    turn.alarm(
      'dust',
      `${amount.toString()} is below the minimum of an order: it is closed by market at the take profit`,
      'warning',
    );
  state.unprotectedSince ??= at;
  if (at - state.unprotectedSince < UNPROTECTED || isDust) return;
  const reason = state.deferred['take profit']?.message ?? 'its orders are not settled';
  turn.alarm('unprotected', `${state.held} is held without a take profit for 10 s: ${reason}`);
}

function finishEnding(turn: Turn): void {
  const { state, at } = turn;
  const { mode, code, since } = state.ending as NonNullable<typeof state.ending>;
  const live = state.orders.filter((order) => isLive(order) || !isSettled(order));
  const isSure = !state.orders.some((order) => order.state === 'sent');
  const isLate = at - since > ENDING;
  const target = live.find(({ role }) => role === 'take_profit');
  const done = {
    keep: isSure,
    levels:
      live.every(({ role }) => role === 'take_profit') &&
      (Number(state.held) === 0 ||
        (target?.state === 'accepted' && new Exact(target.amount).minus(target.fillSum).eq(closable(state)))),
    cancel: live.length === 0,
    close:
      live.length === 0 &&
      closable(state).isZero() &&
      state.reads.position.answered > since &&
      Number(state.position?.amount ?? 1) === 0,
  }[mode];
  if (!done && !isLate && !(code === 5 && isSure)) return;
  const isDoubtful = mode !== 'keep' && !done;
  const isUnknown = state.orders.some((order) => order.state === 'sent' || order.state === 'unknown');
  state.finished = code !== 0 ? code : isDoubtful || isUnknown ? 3 : 0;
  sayStopped(turn, live, isDoubtful);
}

/** What the take profit would close waits for the next start, and for the market until then. */
function sayStopped(turn: Turn, live: readonly OwnOrder[], isDoubtful: boolean): void {
  const { state, config } = turn;
  const rest = live.map(({ clientId }) => clientId).join(', ') || 'no order';
  const isHeld = Number(state.held) > 0;
  const isOpen = isHeld && !live.some(({ role }) => role === 'take_profit');
  const stop = config.exchangeStop && isHeld && isStopped(state, config) ? `, stop at ${stopPrice(state, config)}` : '';
  const words = `${state.held}${isOpen ? ' without a take profit' : ''}${stop}`;
  const severity = isDoubtful ? 'alarm' : isOpen ? 'warning' : 'routine';
  turn.event(severity, 'stopped', `the run stops; what stays: ${rest}, position ${words}`);
}
