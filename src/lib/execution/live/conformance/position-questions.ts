import type { PrivateOrder } from '../../../exchanges/private-side.js';
import { Exact } from '../../../model/ticks.js';
import { isHandled } from '../../views.js';
import { afterwards, findings } from './order-questions.js';
import { type Placed, type Probe, words } from './probe.js';
import type { Fact } from './result.js';

const SECOND = 1_000;
const WITHIN = 10 * SECOND;
const SHORTLY = SECOND;
const ABOVE = '1.03';
const FURTHER = '1.04';
/** Further than the market moves meanwhile. */
const STOP = '0.9';

/** What a position shows of itself, how it is closed, and what the exchange's stop of it does. */
export async function askPositions(probe: Probe): Promise<Fact[]> {
  const amount = probe.least(probe.at(ABOVE)).times(3);
  const start = probe.now();
  const entry = await probe.place('buy', undefined, { amount: amount.toString() });
  if (entry.outcome.class !== 'success') return [notEntered(entry)];
  const shown = await probe.until(async () => (await probe.held()).eq(amount), WITHIN);
  const fills = (await findings(probe, entry, WITHIN, (times) => times[3] !== undefined))[3];
  return [
    {
      id: 'position-and-fills-delay',
      question: 'a market order fills: when position and fills show it',
      seen: `position ${shown === undefined ? 'never' : `${shown} ms`}, fills ${fills === undefined ? 'never' : `${fills} ms`}`,
      verdict: shown !== undefined && fills !== undefined ? 'as assumed' : 'contradicts',
      scenario: 'S36',
    },
    await askMode(probe),
    afterwards('fill', await repeated(probe, entry)),
    ...(await askStop(probe)),
    ...(await askCloses(probe)),
    await askWhole(probe, start),
    ...(await askStopAfter(probe)),
    await askNothing(probe),
  ];
}

function notEntered({ outcome }: Placed): Fact {
  const question = 'a market order of the least amount';
  return { id: 'entry', question, seen: words(outcome), verdict: 'contradicts', scenario: 'S48' };
}

async function repeated(probe: Probe, { clientId }: Placed): Promise<Placed> {
  const again = await probe.place('buy', probe.at('0.97'), { clientId });
  if (again.outcome.class === 'success') await probe.cancel(again);
  return again;
}

/** An order says its margin mode: whether the exchange goes by it. */
async function askMode(probe: Probe): Promise<Fact> {
  const { marginMode } = probe.options;
  const position = await probe.position();
  // Where it is a setting of the whole account, a position does not show it.
  const settings = position?.marginMode === undefined ? await probe.settings() : undefined;
  const shown = position?.marginMode ?? (settings?.marginMode === 'portfolio' ? 'cross' : settings?.marginMode);
  return {
    id: 'margin-mode-of-order',
    question: `an order sent as ${marginMode}: the position it opens`,
    seen: `${shown ?? 'not shown'}, ${position?.positionMode === 'hedge' ? 'hedge' : 'one-way'} mode`,
    verdict: shown === undefined ? 'not settled' : shown === marginMode ? 'as assumed' : 'contradicts',
    scenario: 'S42',
  };
}

/** Closes below the minimum, two closes that exceed the position, and one that does alone. */
async function askCloses(probe: Probe): Promise<Fact[]> {
  const { lot, minAmount, minNotional } = probe.options.rules;
  const price = probe.at(ABOVE);
  const held = (await probe.held()).toString();
  const facts: Fact[] = [];
  const small = minAmount ?? lot;
  if (minNotional !== undefined && new Exact(small).times(price).lt(minNotional))
    facts.push(await closeFact(probe, 'close-below-value', 'a close below the minimum value', small, price));
  if (minAmount !== undefined && new Exact(lot).lt(minAmount))
    facts.push(await closeFact(probe, 'close-below-amount', 'a close below the minimum amount', lot, price));
  const first = await probe.place('sell', price, { amount: held, reduces: true });
  const second = await probe.place('sell', probe.at(FURTHER), { amount: held, reduces: true });
  const open = await listed(probe, [first, second]);
  const rests = ({ clientId }: Placed) => open.some((order) => order.clientId === clientId);
  const names = [
    rests(first) ? 'the first rests' : 'the first is gone',
    rests(second) ? 'the second rests' : 'the second is not',
  ];
  facts.push({
    id: 'two-closes',
    question: 'two reduce-only orders that exceed the position together',
    seen: `${words(first.outcome)}, ${words(second.outcome)}; ${names.join(', ')}`,
    verdict: first.outcome.class === 'success' ? 'noted' : 'contradicts',
    scenario: 'S59',
  });
  await cancelAll(probe, [first, second]);
  const large = await closeFact(probe, 'close-above-position', 'a close of twice the position', `${Number(held) * 2}`, price);
  return [...facts, large];
}

/** A close that rests: what the exchange makes of it. It is cancelled again. */
async function closeFact(probe: Probe, id: string, question: string, amount: string, price: string): Promise<Fact> {
  const placed = await probe.place('sell', price, { amount, reduces: true });
  const { outcome } = placed;
  const order = (await listed(probe, [placed])).find(({ clientId }) => clientId === placed.clientId);
  const cut = order && !new Exact(order.amount).eq(amount) ? `, cut from ${amount} to ${order.amount}` : '';
  await cancelAll(probe, [placed]);
  const isUnderstood = outcome.class === 'success' || (outcome.class === 'definite' && isHandled(outcome.cause));
  const seen = `${words(outcome)}${cut}`;
  return { id, question, seen, verdict: isUnderstood ? 'noted' : 'contradicts', scenario: 'S12' };
}

/** Returns the open orders once they have shown the last accepted one of these, or long enough. */
async function listed(probe: Probe, orders: readonly Placed[]): Promise<readonly PrivateOrder[]> {
  const last = orders.findLast(({ outcome }) => outcome.class === 'success');
  let open: readonly PrivateOrder[] = [];
  await probe.until(async () => {
    open = await probe.open();
    return last === undefined || open.some(({ clientId }) => clientId === last.clientId);
  }, WITHIN);
  await probe.options.timing.sleep(SHORTLY);
  return last === undefined ? open : probe.open();
}

async function cancelAll(probe: Probe, orders: readonly Placed[]): Promise<void> {
  const accepted = orders.filter(({ outcome }) => outcome.class === 'success');
  if (accepted.length > 0) await probe.cancel(...accepted);
}

/** A close of all that is held ends flat, and on no other side. */
async function askWhole(probe: Probe, start: number): Promise<Fact> {
  const closed = await probe.flatten();
  const flat = await probe.until(async () => (await probe.holdings()).length === 0, WITHIN);
  const seconds = Math.round((probe.now() - start) / SECOND);
  return {
    id: 'close-all',
    question: 'the whole position is closed by market',
    seen: `${closed ? words(closed.outcome) : 'nothing was held'}; ${flat === undefined ? 'still held' : `flat after ${flat} ms`} (held for ${seconds} s)`,
    verdict: closed !== undefined && flat !== undefined ? 'as assumed' : 'contradicts',
    scenario: 'S6',
  };
}

/** A reduce-only order without a position must open none. */
async function askNothing(probe: Probe): Promise<Fact> {
  const placed = await probe.place('sell', undefined, { reduces: true });
  await probe.options.timing.sleep(SHORTLY);
  const [opened] = await probe.holdings();
  const seen = `${words(placed.outcome)}; ${opened === undefined ? 'nothing is held' : `${opened.amount} is held`}`;
  const isSafe = opened === undefined && placed.outcome.class !== 'unknown';
  const question = 'a reduce-only order without a position';
  return { id: 'close-nothing', question, seen, verdict: isSafe ? 'as assumed' : 'contradicts', scenario: 'S16' };
}

async function stopsOf(probe: Probe) {
  const { stops } = probe.options.family;
  return stops ? probe.read(stops.read(probe.scope)) : [];
}

/** The stop of the whole position, where mdtool sets one. */
async function askStop(probe: Probe): Promise<Fact[]> {
  const { client, family, id, positionMode } = probe.options;
  if (!family.stops) return [];
  const price = probe.at(STOP);
  const stop = { ...probe.scope, clientId: `m-${id}-000-1-S0000-0`, side: 'long', positionMode, price } as const;
  const { outcome } = await client.send(family.stops.set(stop), client.now());
  probe.answered(outcome);
  const isShown = async () => (await stopsOf(probe)).some((one) => new Exact(one.price).eq(price));
  const shown = outcome.class === 'success' ? await probe.until(isShown, WITHIN) : undefined;
  return [
    {
      id: 'stop-of-position',
      question: 'a stop of the whole position is set',
      seen: `${words(outcome)}; ${shown === undefined ? 'not shown' : `shown after ${shown} ms`}`,
      verdict: shown === undefined ? 'contradicts' : 'as assumed',
      scenario: '--exchange-stop',
    },
  ];
}

/** The stop ends with its position. */
async function askStopAfter(probe: Probe): Promise<Fact[]> {
  const { client, family } = probe.options;
  const { stops } = family;
  if (!stops) return [];
  const gone = await probe.until(async () => (await stopsOf(probe)).length === 0, WITHIN);
  for (const { orderId } of gone === undefined ? await stopsOf(probe) : [])
    if (stops.remove) await client.send(stops.remove({ ...probe.scope, orderId }), client.now());
  return [
    {
      id: 'stop-after-close',
      question: 'the position is closed: its stop',
      seen: gone === undefined ? 'stays' : `is gone after ${gone} ms`,
      verdict: gone === undefined ? 'contradicts' : 'as assumed',
      scenario: '--exchange-stop',
    },
  ];
}
