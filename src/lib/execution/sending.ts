import { clientIdOf, roleKey } from './client-id.js';
import { due } from './due.js';
import { gateRefusal } from './gate.js';
import { undoCycle } from './ladder.js';
import type { Action, Input, OrderDraft, OtherRuns } from './messages.js';
import { orderOf } from './orders.js';
import { separateSide } from './sides.js';
import type { OwnOrder, RunConfig } from './state.js';
import { sendStop, stopSent } from './stops.js';
import type { Turn } from './turn.js';
import { cancelled, placed, stopFor } from './views.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A plan whose entry leaves later is made anew: the price has moved on. */
const FRESH = 2 * SECOND;
/** Placements of one role without a fill between, within a minute. */
const MOST_PLACES = 3;

/** Decides what of an action still may leave; what may has its rows in the commit of this step. */
export function send(turn: Turn, action: Action, others?: OtherRuns): void {
  const now = due(turn.state, turn.config, turn.at);
  if (action.kind === 'cancel') {
    const wanted = new Set(now.flatMap((one) => (one.kind === 'cancel' ? one.clientIds : [])));
    sendCancels(
      turn,
      action.clientIds.filter((id) => wanted.has(id)),
    );
  }
  if (action.kind === 'protect' || action.kind === 'unprotect') {
    const isWanted = now.some((one) => JSON.stringify(one) === JSON.stringify(action));
    if (isWanted) sendStop(turn, action);
  }
  if (action.kind === 'place') {
    const wanted = new Set(now.flatMap((one) => (one.kind === 'place' ? one.drafts.map((draft) => JSON.stringify(draft)) : [])));
    sendOrders(
      turn,
      action.drafts.filter((draft) => wanted.has(JSON.stringify(draft))),
      others,
    );
  }
}

function sendCancels(turn: Turn, clientIds: readonly string[]): void {
  const { state, config, at, time } = turn;
  const orders = clientIds.flatMap((clientId) => orderOf(state, { clientId }) ?? []);
  if (orders.length === 0) return;
  for (const order of orders) order.cancel = { state: 'sent', at, tries: (order.cancel?.tries ?? 0) + 1 };
  const { market, symbol, settle } = config;
  const names = orders.map(({ orderId, clientId }) => ({ market, symbol, settle, orderId, clientId }));
  turn.wire = { kind: 'cancel', orders: names, timestamp: Math.floor(time) };
  turn.touch();
}

function sendOrders(turn: Turn, drafts: readonly OrderDraft[], others: OtherRuns | undefined): void {
  const { state, config, at } = turn;
  const isEntry = drafts.some(({ role }) => role === 'entry');
  if (drafts.length === 0) return;
  if (isEntry && at - (state.plan?.at ?? 0) > FRESH) {
    undoCycle(turn);
    return;
  }
  const refusal = gateRefusal(state, config, drafts, at, others);
  if (refusal) {
    for (const draft of drafts) state.deferred[roleKey(draft)] = { until: at + MINUTE, cause: 'limit', message: refusal };
    turn.alarm('limit', refusal, 'warning');
    if (isEntry) Object.assign(state, { nextPlan: at + MINUTE });
    if (isEntry) undoCycle(turn);
    return;
  }
  if (drafts.some((draft) => isLooping(turn, draft))) return;
  const orders = drafts.map((draft) => create(turn, draft));
  turn.wire = { kind: 'place', orders: orders.map((order) => intentOf(order, config)), timestamp: Math.floor(turn.time) };
}

/** A role that is placed again and again without a fill is a misunderstanding between us and the exchange. */
function isLooping(turn: Turn, draft: OrderDraft): boolean {
  const key = roleKey(draft);
  const recent = (turn.state.places[key] ?? []).filter((at) => turn.at - at < MINUTE);
  turn.state.places[key] = recent;
  if (recent.length < MOST_PLACES) {
    recent.push(turn.at);
    return false;
  }
  // A run that ends already would ask again at once.
  turn.state.deferred[key] = { until: turn.at + MINUTE, cause: 'loop', message: 'placed too often' };
  turn.halt('loop', `${key} was placed ${MOST_PLACES} times within a minute without a fill`);
  return true;
}

function create(turn: Turn, draft: OrderDraft): OwnOrder {
  const { state, config, at } = turn;
  const sent = Math.floor(turn.time);
  const known = state.orders.filter(
    ({ role, number, cycle }) => role === draft.role && number === draft.number && cycle === state.cycle,
  ).length;
  const attempt = draft.role === 'entry' ? known + state.refusedEntries : known;
  const parts = {
    run: config.id,
    start: state.starts.at(-1) as string,
    cycle: state.cycle,
    role: draft.role,
    number: draft.number,
    attempt,
  };
  const { cycle } = state;
  const order: OwnOrder = {
    clientId: clientIdOf(parts),
    cycle,
    attempt,
    ...draft,
    sent,
    state: 'sent',
    status: 'new',
    filled: '0',
    fillSum: '0',
    at,
    heardAt: at,
  };
  state.orders.push(order);
  state.books.placed += 1;
  if (draft.role === 'take_profit') Object.assign(state, { generation: state.generation + 1, lastTakeProfit: at });
  if (draft.role === 'level') state.lastBatch = at;
  if (draft.role === 'entry') state.cycleStarts = [...state.cycleStarts.filter((start) => at - start < HOUR), at];
  turn.intent({ clientId: order.clientId, cycle, role: draft.role, number: draft.number, attempt, request: draft, sent });
  return order;
}

function intentOf({ clientId, side, kind, price, amount, reduces }: OwnOrder, config: RunConfig) {
  const { market, symbol, settle, marginMode } = config;
  const positionSide = separateSide(config);
  return { market, symbol, settle, clientId, side, positionSide, kind, price, amount, reduces, marginMode };
}

/** Results come by client id, or in the order of the request; an order without one is in doubt. */
export function sent(turn: Turn, { what, clientIds, results }: Extract<Input, { kind: 'sent' }>): void {
  const [only] = results;
  if (what === 'protect' || what === 'unprotect') {
    if (only) stopSent(turn, only);
    if (only) stopFor(turn, only.outcome);
    return;
  }
  const isWhole =
    results.length === 1 && only?.clientId === undefined && (clientIds.length === 1 || only?.outcome.class !== 'success');
  for (const [index, clientId] of clientIds.entries()) {
    const order = orderOf(turn.state, { clientId });
    if (!order) continue;
    const named = results.find(
      (result) => result.clientId === clientId || (result.orderId !== undefined && result.orderId === order.orderId),
    );
    const positional = results.length === clientIds.length && results[index]?.clientId === undefined ? results[index] : undefined;
    const result = named ??
      (isWhole ? only : positional) ?? {
        outcome: { class: 'unknown' as const, message: 'the answer does not name the order' },
      };
    if (what === 'place') placed(turn, order, result);
    else cancelled(turn, order, result);
  }
}
