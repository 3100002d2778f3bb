import type { PrivateOrder, PrivateRead } from '../../../exchanges/private-side.js';
import { Exact } from '../../../model/ticks.js';
import { isHandled } from '../../views.js';
import { type Placed, type Probe, words } from './probe.js';
import type { Fact } from './result.js';

const SECOND = 1_000;
/** What the executor gives a list to show an order before it doubts. */
const PROTECTION = 5 * SECOND;
const LOOK_WITHIN = 10 * SECOND;
const POLL = 250;
/** A resting price: below the market, and within any band. */
const RESTS = '0.97';
const LOOKUPS = ['detail', 'open list', 'history', 'fills'] as const;

/** Client ids: what a repeated one does, while its order rests and afterwards. */
export async function askClientIds(probe: Probe): Promise<Fact[]> {
  const first = await probe.place('buy', probe.at(RESTS));
  const again = await probe.place('buy', probe.at('0.96'), { clientId: first.clientId });
  const listed = async () => (await probe.open()).filter(({ clientId }) => clientId === first.clientId).length;
  await probe.until(async () => (await listed()) > 0, LOOK_WITHIN);
  const resting = await listed();
  const pending: Fact = {
    id: 'duplicate-pending',
    question: 'a client id is sent again while its order rests',
    seen: `${words(again.outcome)}; ${resting} order${resting === 1 ? '' : 's'} with it`,
    verdict: again.outcome.class === 'duplicate' && resting === 1 ? 'as assumed' : 'contradicts',
    scenario: 'S27',
  };
  await probe.cancel(first, ...(again.outcome.class === 'success' ? [again] : []));
  const later = await probe.place('buy', probe.at(RESTS), { clientId: first.clientId });
  if (later.outcome.class === 'success') await probe.cancel(later);
  return [pending, afterwards('cancel', later)];
}

export function afterwards(what: 'cancel' | 'fill', { outcome }: Placed): Fact {
  return {
    id: `duplicate-after-${what}`,
    question: `a client id is sent again after the ${what} of its order`,
    seen: words(outcome),
    // An id is never used twice, so either answer will do; but one that is not understood could be taken for a lost order.
    verdict: outcome.class === 'unknown' ? 'contradicts' : 'noted',
    scenario: 'S27',
  };
}

/** A write whose answer is lost: how long until each way to look it up finds it; and one that is signed too early. */
export async function askLookups(probe: Probe): Promise<Fact[]> {
  const { client } = probe.options;
  const order = await probe.place('buy', probe.at(RESTS));
  const found = await findings(probe, order, LOOK_WITHIN, (times) => times[0] !== undefined && times[1] !== undefined);
  await probe.cancel(order);
  const first = Math.min(...found.map((time) => time ?? Number.POSITIVE_INFINITY));
  const old = client.now() - client.account.side.window - PROTECTION;
  const late = await probe.place('buy', probe.at(RESTS), {}, old);
  const isIn = late.outcome.class === 'success';
  if (isIn) await probe.cancel(late);
  return [
    {
      id: 'lookups-of-resting',
      question: 'an accepted order is looked up: when each list shows it',
      seen: LOOKUPS.map((name, index) => `${name} ${found[index] === undefined ? 'never' : `${found[index]} ms`}`).join(', '),
      verdict: first <= PROTECTION ? 'as assumed' : 'contradicts',
      scenario: 'S3',
    },
    {
      id: 'old-timestamp',
      question: 'an order is signed with a time that is older than the window',
      seen: words(late.outcome),
      verdict: late.outcome.class === 'clock' ? 'as assumed' : 'contradicts',
      scenario: 'S34',
    },
  ];
}

type Ids = { readonly clientId?: string | undefined; readonly orderId?: string | undefined };

const owns =
  ({ clientId, orderId }: Pick<Placed, 'clientId' | 'orderId'>) =>
  (row: Ids) =>
    row.clientId === clientId || (orderId !== undefined && row.orderId === orderId);

/** Returns after how many milliseconds each way to look an order up found it. */
export async function findings(
  probe: Probe,
  { clientId, orderId }: Pick<Placed, 'clientId' | 'orderId'>,
  within: number,
  isEnough: (times: readonly (number | undefined)[]) => boolean,
): Promise<readonly (number | undefined)[]> {
  const { family, timing } = probe.options;
  const { orders, fills } = family.lookups({ ...probe.scope, clientId, orderId });
  const isOwn = owns({ clientId, orderId });
  const start = timing.now();
  const times: (number | undefined)[] = [...orders, fills].map(() => undefined);
  while (timing.now() - start <= within && !isEnough(times)) {
    for (const [index, read] of [...orders, fills].entries())
      if (times[index] === undefined && (await seenBy<Ids>(probe, read as PrivateRead<Ids>, isOwn)))
        times[index] = Math.round(timing.now() - start);
    await timing.sleep(POLL);
  }
  return times;
}

/** Returns what one lookup shows of an order; "not there" may be an answer of its own, and is none of the network's. */
async function seenBy<Row extends Ids>(
  probe: Probe,
  { requests: [request], parse }: PrivateRead<Row>,
  isOwn: (row: Ids) => boolean,
): Promise<Row | undefined> {
  if (request === undefined) return undefined;
  const { outcome, answer } = await probe.options.client.send(request);
  return probe.answered(outcome).class === 'success' && answer ? parse(request, answer.body).items.find(isOwn) : undefined;
}

const PRICES = [
  ['price-above-band', 'a buy far above the market', 'buy', '1.6', undefined],
  ['price-far-below', 'a buy far below the market', 'buy', '0.1', undefined],
  ['post-only-that-matches', 'a post-only buy above the market', 'buy', '1.01', 'post_only'],
] as const;

/** Prices out of the band, post-only that would match, amounts and prices off their steps. */
export async function askLimits(probe: Probe): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const [id, question, side, share, timeInForce] of PRICES) {
    const price = probe.at(share);
    const placed = await probe.place(side, price, { timeInForce });
    facts.push({
      ...{ id, question, scenario: 'S29' },
      seen: `${words(placed.outcome)}${placed.outcome.class === 'success' ? `; ${await fateOf(probe, placed, price)}` : ''}`,
      verdict: isUnderstood(placed) ? 'as assumed' : 'contradicts',
    });
    await probe.sweep();
  }
  const { lot, tick } = probe.options.rules;
  const price = probe.at(RESTS);
  const half = (step: string) => new Exact(step).div(2);
  const offStep = await probe.place('buy', price, { amount: probe.least(price).plus(half(lot)).toString() });
  const offTick = await probe.place('buy', new Exact(price).plus(half(tick)).toString());
  await probe.sweep();
  return [
    ...facts,
    stepFact('amount-off-step', 'an amount between two steps', offStep),
    stepFact('price-off-tick', 'a price between two ticks', offTick),
  ];
}

/** Whether the executor has a rule for what became of an order that opens. */
function isUnderstood({ outcome }: Placed): boolean {
  return outcome.class === 'success' || (outcome.class === 'definite' && isHandled(outcome.cause));
}

function stepFact(id: string, question: string, { outcome }: Placed): Fact {
  const isRefused = outcome.class === 'definite';
  const verdict = isRefused ? 'as assumed' : outcome.class === 'success' ? 'noted' : 'contradicts';
  return { id, question, seen: words(outcome), verdict, scenario: 'S46' };
}

/** What became of an order that was accepted. */
async function fateOf(probe: Probe, order: Placed, price: string): Promise<string> {
  const { family } = probe.options;
  const [detail] = family.lookups({ ...probe.scope, clientId: order.clientId, orderId: order.orderId }).orders;
  let view: PrivateOrder | undefined;
  await probe.until(async () => {
    view = detail && (await seenBy(probe, detail, owns(order)));
    return view !== undefined;
  }, LOOK_WITHIN);
  if (view === undefined) return 'no list shows it';
  const moved = view.price !== undefined && Number(view.price) !== Number(price) ? ` at ${view.price} instead of ${price}` : '';
  return `then ${view.status}${moved}`;
}
