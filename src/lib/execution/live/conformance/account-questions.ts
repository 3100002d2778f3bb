import { PrivateConnection } from '../../../account/connection.js';
import type { PrivateOrder, PrivateRead } from '../../../exchanges/private-side.js';
import { Exact } from '../../../model/ticks.js';
import { type Placed, type Probe, words } from './probe.js';
import type { Fact } from './result.js';

const SECOND = 1_000;
const WITHIN = 10 * SECOND;
const RESTS = '0.97';
const PAGE = 2;
const ORDERS = 3;
const MOST_PAGES = 10;
const HOUR = 3_600_000_000;
/** Two leverages, of which one is not what the symbol has. */
const LEVERAGES = ['5', '4'] as const;

/** Modes and leverage as the exchange shows them, and whether a leverage that is set is shown. */
export async function askSettings(probe: Probe): Promise<Fact[]> {
  const settings = await probe.settings();
  const before = await leverageOf(probe);
  const wanted = LEVERAGES.find((one) => before === undefined || !new Exact(before).eq(one)) as string;
  const said = await setLeverage(probe, wanted);
  const shown = await leverageOf(probe);
  if (before !== undefined) await setLeverage(probe, before);
  const isSame = shown !== undefined && new Exact(shown).eq(wanted);
  return [
    {
      id: 'modes',
      question: 'position mode and margin mode as the account shows them',
      seen: `${settings?.positionMode ?? 'position mode not shown'}, ${settings?.marginMode ?? 'margin mode not shown'}`,
      verdict: 'noted',
      scenario: 'S61',
    },
    {
      id: 'leverage',
      question: `leverage is set to ${wanted}: what is read back`,
      seen: `${said}; shown as ${shown ?? 'nothing'}`,
      verdict: shown === undefined ? 'not settled' : isSame ? 'as assumed' : 'contradicts',
      scenario: 'S39',
    },
  ];
}

async function leverageOf(probe: Probe): Promise<string | undefined> {
  const settings = await probe.settings();
  const own = (await probe.position())?.leverage;
  return own ?? settings?.symbols?.find(({ symbol }) => symbol === probe.scope.symbol)?.leverage;
}

async function setLeverage(probe: Probe, leverage: string): Promise<string> {
  const { client, family, marginMode, positionMode } = probe.options;
  let said = '';
  for (const request of family.writes.setLeverage({ ...probe.scope, leverage, marginMode, positionMode })) {
    const { outcome } = await client.send(request, client.now());
    said = words(probe.answered(outcome));
  }
  return said;
}

/** The list of open orders: whether it has all of them, page by page; and when a push shows one. */
export async function askLists(probe: Probe): Promise<Fact[]> {
  const pushes = await askPushes(probe);
  const placed: Placed[] = [];
  for (let index = 0; index < ORDERS; index++) placed.push(await probe.place('buy', probe.at(RESTS)));
  const ids = placed.flatMap(({ clientId, outcome }) => (outcome.class === 'success' ? [clientId] : []));
  const isListed = async () => {
    const open = await probe.open();
    return ids.every((id) => open.some(({ clientId }) => clientId === id));
  };
  const listed = await probe.until(isListed, WITHIN);
  const paged = await askPages(probe, ids);
  await probe.cancel(...placed);
  return [
    pushes,
    {
      id: 'open-list',
      question: `${ids.length} orders rest: the list of open orders without a filter`,
      seen: listed === undefined ? 'lacks some' : `has them after ${listed} ms`,
      verdict: listed === undefined || ids.length < ORDERS ? 'contradicts' : 'as assumed',
      scenario: 'S13',
    },
    paged,
    await askMissing(probe),
  ];
}

/** Reads the list of open orders in small pages: the cursor of one must lead to the next, and none may be lost between two. */
async function askPages({ options: { client, family }, scope }: Probe, ids: readonly string[]): Promise<Fact> {
  const fact = { id: 'paging', question: `the same list, ${PAGE} orders a page`, scenario: 'S13' } as const;
  const { requests, parse } = family.openOrders(scope);
  const [first] = requests;
  if (first === undefined || first.query.limit === undefined)
    return { ...fact, seen: 'the list takes no page size', verdict: 'not settled' };
  const found = new Set<string>();
  let pages = 0;
  for (const one of requests) {
    let request: typeof first | undefined = { ...one, query: { ...one.query, limit: String(PAGE) } };
    for (let count = 0; request !== undefined && count < MOST_PAGES; count++) {
      const { outcome, answer } = await client.send(request);
      if (outcome.class !== 'success' || !answer) return { ...fact, seen: words(outcome), verdict: 'not settled' };
      const page: ReturnType<PrivateRead<PrivateOrder>['parse']> = parse(request, answer.body);
      for (const { clientId } of page.items) if (ids.includes(clientId ?? '')) found.add(clientId as string);
      pages += 1;
      request = page.next;
    }
  }
  const seen = `${found.size} of ${ids.length} orders on ${pages} pages`;
  return { ...fact, seen, verdict: found.size === ids.length ? 'as assumed' : 'contradicts' };
}

/** Whether orders are pushed, and how long before or after the answer over REST. */
async function askPushes(probe: Probe): Promise<Fact> {
  const { client, family, timing, userAgent, connect } = probe.options;
  const ended = new AbortController();
  const connection = new PrivateConnection({ client, family, timing, userAgent, connect, signal: ended.signal });
  const pushed = new Map<string, number>();
  try {
    await connection.open((frame) => {
      if (frame.kind !== 'data') return;
      for (const { clientId } of frame.orders)
        if (clientId !== undefined && !pushed.has(clientId)) pushed.set(clientId, probe.now());
    });
    await timing.sleep(SECOND);
    const order = await probe.place('buy', probe.at(RESTS));
    const answered = probe.now();
    await probe.until(() => {
      connection.beat();
      return pushed.has(order.clientId);
    }, WITHIN);
    await probe.cancel(order);
    const delay = pushed.get(order.clientId);
    const seen = delay === undefined ? 'not pushed' : `pushed ${Math.round(delay - answered)} ms after the answer`;
    // Without pushes the executor reads every 2 s and says so: that is slower, and not wrong.
    return { id: 'push-delay', question: 'an order is placed: when a push shows it', seen, verdict: 'noted', scenario: 'S9' };
  } finally {
    ended.abort();
    connection.terminate();
  }
}

/** Which of the lists that mdtool reads the demo side does not have. */
async function askMissing({ options: { client, family }, scope }: Probe): Promise<Fact> {
  const until = Math.round(client.now() * 1_000);
  const range = { since: until - HOUR, until };
  const reads: Readonly<Record<string, PrivateRead<unknown>>> = {
    'rights of the key': family.keyInfo,
    'settings of the account': family.settings,
    balances: family.balances,
    'closed orders': family.closedOrders(range, scope),
    fills: family.fills(range, scope),
    funding: family.fundings(range, scope),
    ...(family.stops && { stops: family.stops.read(scope) }),
  };
  const missing: string[] = [];
  for (const [name, { requests }] of Object.entries(reads)) {
    const [request] = requests;
    if (request === undefined) continue;
    const { outcome } = await client.send(request);
    if (outcome.class !== 'success') missing.push(`${name} (${words(outcome)})`);
  }
  const isBlind = missing.some((text) => text.startsWith('fills'));
  const seen = missing.length === 0 ? 'all are there' : `missing: ${missing.join(', ')}`;
  const question = 'the lists that a run reads, on the demo side';
  return { id: 'lists-of-demo', question, seen, verdict: isBlind ? 'contradicts' : 'noted', scenario: 'S13' };
}
