import { Exact, roundDown, roundUp } from '../model/ticks.js';
import { roleKey } from './client-id.js';
import type { Action, OrderDraft } from './messages.js';
import {
  attemptsOf,
  closable,
  hasReached,
  isBelowMinimum,
  isLive,
  isPriceRefused,
  isSettled,
  remainingOf,
  unsettled,
} from './orders.js';
import { closingSide, openingSide } from './sides.js';
import type { OwnOrder, Phase, PlannedLevel, ReadKind, RunConfig, RunState } from './state.js';
import { isStopped, stopWrites } from './stops.js';

const SECOND = 1_000;
/** Fills of a burst make one renewal of the take profit. */
const DEBOUNCE = 250;
const RENEWAL = 500;
/** A batch costs as many requests as it has orders: one a second stays below half of the limit. */
const BETWEEN_BATCHES = SECOND;
/** Lookups at a time. */
const MOST_LOOKUPS = 2;
const FILL_OVERLAP = 60_000_000;
/** A payment may be listed some time after it was due. */
export const FUNDING_OVERLAP = 3_600_000_000;
const HOUR = 3_600 * SECOND;

/** Returns where a run stands. */
export function phaseOf(state: RunState): Phase {
  if (state.finished !== undefined) return state.halt ? 'halted' : 'stopped';
  if (state.ending) return 'ending';
  if (state.reconciles !== undefined) return 'reconciling';
  if (state.plan === undefined) return 'idle';
  if (state.hasEnded) return state.cleanAt === undefined ? 'cleaning' : 'restart';
  const entry = attemptsOf(state, 'entry');
  if (entry.length === 0 || !entry.every(isSettled)) return 'entering';
  return state.hasLooked ? 'working' : 'looking';
}

/** Returns what may be done now, the most urgent first: cancels and closes, the take profit, lookups, levels, reads. */
export function due(state: RunState, config: RunConfig, at: number): Action[] {
  if (state.finished !== undefined || at < state.pausedUntil) return [];
  if (state.needsClock) return [{ kind: 'clock' }];
  const writes = writesOf(state, config, at);
  const isUrgent = (action: Action) =>
    action.kind === 'cancel' ||
    action.kind === 'protect' ||
    (action.kind === 'place' && action.drafts.some(({ reduces }) => reduces));
  return [
    ...writes.filter(isUrgent),
    ...lookups(state, at),
    ...writes.filter((action) => !isUrgent(action)),
    ...reads(state, config, at),
    ...(state.plan && !state.ending && !state.isPlanAsked && at >= state.termsDue ? [{ kind: 'plan' } as const] : []),
    ...(at >= (state.clockDue ?? Number.POSITIVE_INFINITY) ? [{ kind: 'clock' } as const] : []),
  ];
}

function lookups({ orders }: RunState, at: number): Action[] {
  const open = orders.filter(({ search }) => search !== undefined);
  const running = open.filter(({ search }) => search?.isAsked).length;
  const next = open.filter(({ search }) => search && !search.isAsked && at >= search.next);
  return next
    .sort((a, b) => (a.search?.next ?? 0) - (b.search?.next ?? 0))
    .slice(0, Math.max(0, MOST_LOOKUPS - running))
    .map(({ clientId }) => ({ kind: 'lookup', clientId }));
}

function reads(state: RunState, config: RunConfig, at: number): Action[] {
  const kinds: readonly ReadKind[] = ['open', 'fills', 'position', 'funding', 'stops'];
  return kinds.flatMap((what): Action[] => {
    const { asked, due } = state.reads[what];
    if (asked !== undefined || at < due) return [];
    if (what === 'stops' && (config.exchangeStop === undefined || Number(state.held) === 0)) return [];
    if (what === 'funding') return [{ kind: 'read', what, since: state.fundedUntil - FUNDING_OVERLAP }];
    return [what === 'fills' ? { kind: 'read', what, since: fillsSince(state) } : { kind: 'read', what }];
  });
}

/** Fills are asked for from a minute before the oldest order that is not settled. */
function fillsSince(state: RunState): number {
  const oldest = Math.min(...unsettled(state).map(({ sent }) => sent * 1_000), Number.POSITIVE_INFINITY);
  return (Number.isFinite(oldest) ? oldest : state.since) - FILL_OVERLAP;
}

function writesOf(state: RunState, config: RunConfig, at: number): Action[] {
  if (state.ending) return endingWrites(state, config, at);
  if (state.reconciles !== undefined || state.puzzle !== undefined) return [];
  switch (phaseOf(state)) {
    case 'idle':
      return canBegin(state, config, at) ? [{ kind: 'plan' }] : [];
    case 'entering':
      return entryWrites(state, config);
    case 'working':
      return workingWrites(state, config, at);
    case 'cleaning':
      return cancels(state.orders, config, at);
    default:
      return [];
  }
}

/** Whether what should rest on the exchange does, as far as that is known and may be. */
export function isSatisfied(state: RunState, config: RunConfig, at: number): boolean {
  const phase = phaseOf(state);
  if (phase !== 'working') return phase === 'idle' || phase === 'restart' || phase === 'stopped' || phase === 'halted';
  const isCovered = state.orders.some((order) => order.role === 'take_profit' && isLive(order) && order.state === 'accepted');
  const target = state.wanted.takeProfit;
  const isDust = () => target !== undefined && isBelowMinimum(closable(state), target, state.rules);
  if (Number(state.held) > 0 && !isCovered && !isDust()) return false;
  const isPlaced = (key: string) => attemptsOf(state, key).some((order) => order.state === 'accepted');
  const isMissing = (key: string) => !isPlaced(key) && !isDeferred(state, key, at);
  const lacks = !state.noLevels && state.wanted.levels.some((number) => isMissing(`level ${number}`));
  return !lacks && unwanted(state).length === 0 && isStopped(state, config);
}

/** Why no cycle may begin, undefined when one may. */
export function obstacle(state: RunState, config: RunConfig, at: number): string | undefined {
  const { maxCycles, maxCyclesPerHour } = config.limits;
  if (Number(state.held) > 0) return `${state.held} is held outside of a cycle`;
  if (state.noNewCycle !== undefined) return state.noNewCycle;
  if (state.foreign.length > 0) return `orders that are not of this run rest on ${config.symbol}`;
  if (state.other !== undefined) return `${state.other} is held beside this run`;
  if (maxCycles !== undefined && state.cycle >= maxCycles) return `${maxCycles} cycles are done`;
  const recent = state.cycleStarts.filter((start) => at - start < HOUR).length;
  return recent >= maxCyclesPerHour ? `${maxCyclesPerHour} cycles began within an hour` : undefined;
}

function canBegin(state: RunState, config: RunConfig, at: number): boolean {
  return !state.isPlanAsked && at >= state.nextPlan && obstacle(state, config, at) === undefined;
}

function entryWrites(state: RunState, config: RunConfig): Action[] {
  const amount = state.plan?.levels[0]?.amount;
  if (!state.wanted.entry || amount === undefined || attemptsOf(state, 'entry').length > 0) return [];
  return [
    { kind: 'place', drafts: [{ role: 'entry', number: 0, side: openingSide(config), kind: 'market', amount, reduces: false }] },
  ];
}

function workingWrites(state: RunState, config: RunConfig, at: number): Action[] {
  const extra = unwanted(state);
  const removed = cancels(extra, config, at);
  const target = takeProfitWrites(state, config, at);
  const hasTarget = state.orders.some((order) => order.role === 'take_profit' && order.state === 'accepted' && isLive(order));
  const isReady = hasTarget && extra.length === 0 && isStopped(state, config);
  const levels = isReady ? levelWrites(state, config, at) : [];
  return [...removed, ...target, ...stopWrites(state, config, at), ...levels];
}

/** Live orders that nobody wants: levels of an ended grid, and of two orders of one role the newer one. */
function unwanted({ orders, wanted, cycle }: RunState): OwnOrder[] {
  const seen = new Set<string>();
  return orders.filter((order) => {
    if (!isLive(order) || order.role === 'close') return false;
    if (order.cycle !== cycle) return true;
    const key = roleKey(order);
    const isSecond = seen.has(key);
    seen.add(key);
    return isSecond || (order.role === 'level' && !wanted.levels.includes(order.number));
  });
}

/**
 * The take profit is renewed in three steps, cancel, wait until it is settled, place: placed first, the new one could close more
 * than is held. It is left alone as long as it closes what is held: a rest below the minimum could not be placed again.
 */
function takeProfitWrites(state: RunState, config: RunConfig, at: number): Action[] {
  const price = state.wanted.takeProfit;
  const amount = closable(state);
  const [current] = unsettled(state).filter(({ role }) => role === 'take_profit');
  if (price === undefined) return current ? cancels([current], config, at) : [];
  if (at < state.lastFill + DEBOUNCE) return [];
  if (current) {
    // Cut to what the exchange thinks is held: until that is read, another one would be cut again.
    if (current.isCut && state.mismatch) return [];
    const fits = remainingOf(current).eq(amount) && new Exact(current.price as string).eq(price);
    return fits || !isLive(current) ? [] : cancels([current], config, at);
  }
  if (unsettled(state).some(({ role }) => role === 'close') || amount.isZero()) return [];
  const draft = { side: closingSide(config), amount: amount.toString(), reduces: true } as const;
  const isDust = isBelowMinimum(amount, price, state.rules);
  if ((isDust || isPriceRefused(state)) && hasReached(state.position?.mark, price, config) && !isDeferred(state, 'close', at))
    return [{ kind: 'place', drafts: [{ ...draft, role: 'close', number: 0, kind: 'market' }] }];
  if (isDust || at < state.lastTakeProfit + RENEWAL || isDeferred(state, 'take profit', at) || isContested(state)) return [];
  return [{ kind: 'place', drafts: [{ ...draft, role: 'take_profit', number: state.generation, kind: 'limit', price }] }];
}

/** Refused while the position is not what the fills make: until it is known whose doing that is, the next would be refused too. */
function isContested({ orders, mismatch }: RunState): boolean {
  return mismatch !== undefined && orders.findLast(({ role }) => role === 'take_profit')?.state === 'rejected';
}

function isDeferred({ deferred }: RunState, key: string, at: number): boolean {
  return at < (deferred[key]?.until ?? Number.NEGATIVE_INFINITY);
}

function levelWrites(state: RunState, config: RunConfig, at: number): Action[] {
  const levels = state.plan?.levels ?? [];
  if (state.noLevels || state.mismatch !== undefined || at < state.lastBatch + BETWEEN_BATCHES) return [];
  if (state.orders.some((order) => order.role === 'level' && order.state === 'sent')) return [];
  const drafts = state.wanted.levels
    .filter((number) => isOpenLevel(state, number, at))
    .sort((a, b) => a - b)
    .slice(0, config.batch)
    .map((number): OrderDraft => {
      const { price, amount } = fitting(levels[number] as PlannedLevel, state, config);
      return { role: 'level', number, side: openingSide(config), kind: 'limit', price, amount, reduces: false };
    });
  return drafts.length === 0 ? [] : [{ kind: 'place', drafts }];
}

/** Returns a level as the rules of today have it: of a coarser step it is less, and of a coarser tick further away. */
function fitting(level: PlannedLevel, { plan, rules }: RunState, { side }: RunConfig): PlannedLevel {
  const { tick, lot } = plan?.rules ?? rules;
  if (tick === rules.tick && lot === rules.lot) return level;
  return {
    price: (side === 'long' ? roundDown : roundUp)(new Exact(level.price), new Exact(rules.tick)).toString(),
    amount: roundDown(new Exact(level.amount), new Exact(rules.lot)).toString(),
  };
}

/** A level is placed once; again only when the attempt before it is proven to have done nothing. */
function isOpenLevel(state: RunState, number: number, at: number): boolean {
  const key = `level ${number}`;
  const attempts = attemptsOf(state, key);
  return (
    !isDeferred(state, key, at) && attempts.every((order) => isSettled(order) && Number(order.fillSum) === 0 && isVoid(order))
  );
}

function isVoid({ state }: OwnOrder): boolean {
  return state === 'rejected' || state === 'absent' || state === 'vanished';
}

/** Returns the cancel of those orders that may be cancelled now: an order whose fate is not known is looked up first. */
function cancels(orders: readonly OwnOrder[], config: RunConfig, at: number): Action[] {
  const ready = orders.filter((order) => {
    if (!isLive(order) || order.state !== 'accepted') return false;
    const { cancel } = order;
    if (cancel === undefined) return true;
    // The order is read after each cancel; only a live one is cancelled again, and not within a second.
    return cancel.state !== 'sent' && order.search === undefined && at - cancel.at >= Math.min(10, cancel.tries) * SECOND;
  });
  const ids = ready.map(({ clientId }) => clientId);
  return ids.length === 0 ? [] : [{ kind: 'cancel', clientIds: ids.slice(0, config.batch) }];
}

/** Writes of a run that ends. */
function endingWrites(state: RunState, config: RunConfig, at: number): Action[] {
  const mode = state.ending?.mode;
  if (mode === 'keep' || mode === undefined || state.ending?.code === 5) return [];
  const isKept = ({ role }: OwnOrder) => role === 'close' || (mode === 'levels' && role === 'take_profit');
  const removed = cancels(
    state.orders.filter((order) => !isKept(order)),
    config,
    at,
  );
  if (removed.length > 0) return removed;
  if (mode === 'levels') return takeProfitWrites(state, config, at);
  if (mode !== 'close' || unsettled(state).length > 0 || closable(state).isZero()) return [];
  if (isDeferred(state, 'close', at)) return [];
  const amount = closable(state).toString();
  return [
    { kind: 'place', drafts: [{ role: 'close', number: 0, side: closingSide(config), kind: 'market', amount, reduces: true }] },
  ];
}
