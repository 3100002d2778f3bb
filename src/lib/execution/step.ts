import type { Outcome, PrivateFill } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { bookFill, bookFundings } from './bookings.js';
import { obstacle, phaseOf } from './due.js';
import { follow } from './following.js';
import { beginCycle, changeRules, dropPlan, undoCycle } from './ladder.js';
import type { Action, Input, StepResult } from './messages.js';
import { attemptsOf, isLive, orderOf } from './orders.js';
import { answered, looked, readFills, readOpen, readPositions, reconcile } from './readings.js';
import { send, sent } from './sending.js';
import { ownPosition } from './sides.js';
import type { OwnOrder, RunConfig, RunState } from './state.js';
import { isStopFill, readStops } from './stops.js';
import { Turn } from './turn.js';
import { countUnknown, stopFor, viewOrder } from './views.js';
import { takeOffset, takeSpace } from './watching.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** 2001, milliseconds. */
const EARLIEST = 1e12;
/** Clocks are compared this often. */
const CLOCK = 10 * MINUTE;

/** Takes one thing that happened. Pure: the result follows from the arguments alone, and the state that was given stays as it is. */
export function step(state: RunState, config: RunConfig, input: Input): StepResult {
  const turn = new Turn(state, config, input);
  if (state.finished !== undefined && input.kind !== 'started' && input.kind !== 'killed') return { state };
  take(turn, input);
  follow(turn);
  const phase = phaseOf(turn.state);
  if (phase !== turn.state.phase) {
    turn.state.phase = phase;
    turn.touch();
  }
  return turn.result();
}

function take(turn: Turn, input: Input): void {
  switch (input.kind) {
    case 'started':
      start(turn, input);
      return;
    case 'interrupted':
      reconcile(turn);
      turn.event('routine', 'reconciling', input.reason);
      return;
    case 'push':
      Object.assign(turn.state, { unpushedSince: undefined, hasPushes: true });
      turn.clear('pushes_missing');
      for (const order of input.orders) if (order.symbol === turn.config.symbol) viewOrder(turn, order);
      for (const fill of input.fills) takePushedFill(turn, fill);
      pushedPosition(turn, input.positions);
      return;
    case 'read':
      takeRead(turn, input);
      return;
    default:
      takeAction(turn, input);
  }
}

/**
 * The stop closes what the levels of the same moment opened, and pushes come in any order: booked first, it would close less than
 * it did. It is booked from the list, which has all of them.
 */
function takePushedFill(turn: Turn, fill: PrivateFill): void {
  if (isStopFill(turn.state, turn.config, fill)) turn.state.reads.fills.due = turn.at;
  else bookFill(turn, fill);
}

function takeRead(turn: Turn, input: Extract<Input, { kind: 'read' }>): void {
  const { state } = turn;
  answered(turn, input.what, input.asked);
  switch (input.what) {
    case 'open':
      readOpen(turn, input.asked, input.orders ?? []);
      break;
    case 'fills': {
      const known = state.books.fills;
      readFills(turn, input.asked, input.fills ?? []);
      if (state.books.fills > known && state.hasPushes) state.unpushedSince ??= turn.at;
      break;
    }
    case 'stops':
      readStops(turn, input.stops ?? []);
      break;
    case 'funding':
      bookFundings(turn, input.fundings ?? []);
      break;
    default:
      readPositions(turn, input.asked, input.positions ?? []);
  }
  Object.assign(state, { unknowns: 0, throttles: 0 });
  for (const kind of ['errors', 'key', 'region']) turn.clear(kind);
  if (state.stall && input.what !== 'funding') state.stall.read = turn.at;
  if (turn.at < state.pausedUntil) return;
  turn.clear('maintenance');
  turn.clear('ban');
}

function takeAction(turn: Turn, input: Input): void {
  const { state } = turn;
  switch (input.kind) {
    case 'asked':
      ask(turn, input.action);
      return;
    case 'failed':
      fail(turn, input.action);
      if (input.action.kind === 'read' && input.action.what === 'funding' && isFundingUnread(turn, input.outcome)) return;
      stopFor(turn, input.outcome);
      if (input.outcome.class === 'unknown') countUnknown(turn);
      return;
    case 'looked': {
      const order = orderOf(state, { clientId: input.clientId });
      if (order) looked(turn, order, input.answers);
      return;
    }
    case 'planned':
      plan(turn, input);
      return;
    case 'send':
      send(turn, input.action, input.others);
      return;
    case 'sent':
      sent(turn, input);
      return;
    case 'clock':
    case 'space':
      takeMeasure(turn, input);
      return;
    case 'stop':
      if (state.ending?.mode === 'close') return;
      state.ending = { mode: input.mode, code: state.ending?.code ?? 0, since: turn.at };
      turn.event('routine', 'stopping', `asked to stop (${input.mode})`);
      return;
    case 'halt':
      turn.halt(input.what, input.message);
      return;
    case 'killed':
      kill(turn);
      return;
    default:
  }
}

function takeMeasure(turn: Turn, input: Extract<Input, { kind: 'clock' | 'space' }>): void {
  if (input.kind === 'space') {
    takeSpace(turn, input.free);
    return;
  }
  Object.assign(turn.state, { needsClock: false, clockDue: turn.at + CLOCK });
  takeOffset(turn, input.offset);
}

/** A demo side may lack the list, and a key the right to read it: that ends no run, since it decides about no order. */
function isFundingUnread(turn: Turn, { class: outcome, message }: Outcome): boolean {
  const { state, at, time } = turn;
  state.reads.funding.due = at + MINUTE;
  const isRefused = outcome === 'definite' || outcome === 'gone' || outcome === 'key';
  if (isRefused || time * 1_000 - state.fundedUntil > 10 * MINUTE * 1_000)
    turn.alarm('funding_unread', `funding cannot be read and is not in the figures: ${message}`, 'warning');
  return isRefused;
}

/** A process starts: monotonic times of the one before mean nothing, and what it had under way is not known. */
function start(turn: Turn, { code, resume, noNewCycle, stop, keyExpires, offset }: Extract<Input, { kind: 'started' }>): void {
  const { state, at } = turn;
  upgrade(state, turn.time);
  state.starts.push(code);
  state.noNewCycle = noNewCycle;
  state.isResuming = resume;
  state.finished = undefined;
  if (resume || state.halt?.isRefusal) Object.assign(state, { halted: state.halt?.kind ?? state.halted, halt: undefined });
  const isEnding = stop !== undefined || state.halt !== undefined;
  state.ending = isEnding ? { mode: stop ?? 'keep', code: state.halt ? 4 : 0, since: at } : undefined;
  state.isStarting = true;
  state.isPlanAsked = false;
  state.needsClock = false;
  Object.assign(state, { hasPushes: false, unpushedSince: undefined });
  Object.assign(state, {
    pausedUntil: 0,
    nextPlan: at,
    termsDue: at,
    lastFill: at,
    lastBatch: 0,
    lastTakeProfit: 0,
    unknowns: 0,
    stall: { read: at, met: at },
    throttledAt: [],
    clockDue: at + CLOCK,
    keyExpires,
  });
  takeOffset(turn, offset);
  Object.assign(state, { places: {}, emptyEntries: [], mismatch: undefined, unprotectedSince: undefined, foreign: [] });
  state.deferred = {};
  Object.assign(state.stop, { at: -1, next: at, sends: [], refusals: 0, missingSince: undefined });
  state.cycleStarts = state.cycleStarts.map(() => at);
  if (state.puzzle) state.puzzle = { ...state.puzzle, at };
  if (state.cleanAt !== undefined) state.cleanAt = at;
  for (const order of state.orders) forgetTimes(order, at);
  // An entry that never left is planned anew.
  if (state.plan && attemptsOf(state, 'entry').length === 0 && !state.hasEnded) undoCycle(turn);
  reconcile(turn);
  turn.event('routine', 'started', state.starts.length > 1 ? 'the run goes on' : 'the run starts');
}

/** Every order of the symbol was cancelled and its position closed, past the journal: what became of each is read at the next start. */
function kill(turn: Turn): void {
  const { state, at } = turn;
  for (const order of state.orders) if (isLive(order)) order.cancel ??= { state: 'unknown', at, tries: 1 };
  const message = 'its symbol was killed: every order cancelled, the position closed; --resume begins anew';
  state.halt = undefined;
  turn.halt('killed', message);
  state.finished = 4;
  turn.touch();
}

/** Adds what a journal of an earlier version does not have. */
function upgrade(state: RunState, time: number): void {
  state.reads.funding ??= { answered: -1, got: -1, due: 0 };
  state.fundedUntil ??= state.since;
  state.fundings ??= [];
  state.heldSpans ??= Number(state.held) > 0 ? [{ from: state.since }] : [];
  state.books.unknownFees ??= 0;
  state.refusedEntries ??= 0;
  // An earlier version kept monotonic times.
  for (const [kind, since] of Object.entries(state.alarms)) if (since < EARLIEST) state.alarms[kind] = time;
}

/** What a process before had under way is not known. */
function forgetTimes(order: OwnOrder, at: number): void {
  order.at = at;
  order.heardAt = at;
  if (order.endedAt !== undefined) order.endedAt = at;
  if (order.state === 'sent') order.state = 'unknown';
  if (order.cancel) order.cancel = { ...order.cancel, state: 'unknown', at };
  const isOpen = order.state === 'unknown' || (isLive(order) && order.cancel !== undefined);
  order.search = isOpen ? { rounds: 0, last: -1, next: at, isAsked: false } : undefined;
}

function pushedPosition({ state, config, at }: Turn, positions: Extract<Input, { kind: 'push' }>['positions']): void {
  const position = ownPosition(positions, config);
  if (!position) return;
  if (state.position && position.mark !== undefined) state.position = { ...state.position, mark: position.mark };
  if (!new Exact(position.amount).eq(state.held)) state.reads.position.due = Math.min(state.reads.position.due, at + SECOND);
}

function ask({ state, at }: Turn, action: Action): void {
  if (action.kind === 'read') state.reads[action.what].asked = at;
  if (action.kind === 'plan') state.isPlanAsked = true;
  if (action.kind === 'lookup') {
    const order = orderOf(state, { clientId: action.clientId });
    if (order?.search) order.search.isAsked = true;
  }
}

function fail({ state, at }: Turn, action: Action): void {
  if (action.kind === 'read') Object.assign(state.reads[action.what], { asked: undefined, due: at + SECOND });
  if (action.kind === 'clock') {
    state.clockDue = at + MINUTE;
    if (state.needsClock) state.pausedUntil = Math.max(state.pausedUntil, at + SECOND);
  }
  if (action.kind === 'plan') Object.assign(state, { isPlanAsked: false, nextPlan: at + 5 * SECOND, termsDue: at + MINUTE });
  if (action.kind === 'lookup') {
    const order = orderOf(state, { clientId: action.clientId });
    if (order?.search) Object.assign(order.search, { isAsked: false, next: at + SECOND });
  }
}

function plan(turn: Turn, { price, rules, refusal }: Extract<Input, { kind: 'planned' }>): void {
  const { state, config, at } = turn;
  state.isPlanAsked = false;
  state.termsDue = at + HOUR;
  if (phaseOf(state) !== 'idle' || obstacle(state, config, at) !== undefined) {
    if (rules) changeRules(turn, rules);
    if (refusal === undefined) turn.clear('symbol');
    else turn.alarm('symbol', `${refusal}: this cycle goes on, and no other begins`);
    return;
  }
  if (rules) state.rules = rules;
  if (refusal === undefined && price === undefined) {
    state.nextPlan = at + SECOND;
    return;
  }
  if (refusal === undefined)
    Object.assign(state, { orders: [], deferred: {}, places: {}, noLevels: false, vanished: 0, isShort: false });
  const refused = refusal ?? beginCycle(turn, price as string);
  if (refused !== undefined) {
    dropPlan(turn);
    state.nextPlan = at + MINUTE;
    turn.alarm('no_cycle', `no cycle begins: ${refused}`, 'warning');
    return;
  }
  turn.clear('no_cycle');
  state.cycle += 1;
  Object.assign(state, { hasLooked: false, held: '0', cost: '0', cleanAt: undefined, generation: 0, closes: 0 });
  state.since = Math.floor(turn.time * 1_000);
  state.books.profits.push(0);
  turn.event('routine', 'cycle', `cycle ${state.cycle} is planned at ${price}`);
}
