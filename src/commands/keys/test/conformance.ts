import type { AccountClient } from '../../../lib/account/client.js';
import type { Stderr } from '../../../lib/cli/stderr.js';
import type { Summary } from '../../../lib/cli/summary.js';
import { readTerms, type TermsContext } from '../../../lib/cli/trading-terms.js';
import type { AccountFamily } from '../../../lib/exchanges/private-side.js';
import { type Fact, keepConformance } from '../../../lib/execution/live/conformance/result.js';
import { modesOf, probeConformance } from '../../../lib/execution/live/conformance/run.js';
import { randomText } from '../../../lib/execution/live/random-text.js';
import { rulesOf } from '../../../lib/execution/live/rules.js';
import { UsageError } from '../../../lib/model/errors.js';
import { Exact } from '../../../lib/model/ticks.js';
import { openStoreDirectory } from '../../../lib/storage/files/store-directory.js';
import { SYSTEM_TIMING } from '../../../lib/transport/timing.js';
import { columns } from '../flags.js';
import type { TestFlags } from './flags.js';

const SYMBOL = 'ETHUSDT';

type Context = Omit<TermsContext, 'symbol' | 'exchange' | 'store'> & {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly stderr: Stderr;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  readonly summary: Summary;
};

/** Probes a demo account and keeps what it showed in the store. */
export async function testConformance(flags: TestFlags, context: Context): Promise<void> {
  const { client, family, stderr, summary } = context;
  const { exchange } = client.account;
  const symbol = onlySymbol(flags);
  if (client.account.mode !== 'demo') throw new UsageError('--conformance: expected a demo key, was a live one; add --demo');
  await openStoreDirectory(flags.store);
  const terms = await readTerms({ ...context, exchange, symbol, store: flags.store }, false);
  const price = terms.lastPrice?.price;
  if (price === undefined) throw new UsageError(`the last price of ${symbol} is not known`);
  const { market, settle, symbol: name } = terms.instrument;
  const scope = { market, settle, symbol: name };
  const { result, isWhole, left } = await probeConformance({
    ...{ client, family, scope, rules: rulesOf({ settings: {} }, terms), price: new Exact(price).toString() },
    ...{ timing: SYSTEM_TIMING, userAgent: context.userAgent, id: randomText(6), signal: context.signal },
    ...(await modesOf({ client, family, scope })),
    note: (text) => stderr.note(text),
  });
  for (const line of tableOf(result.facts)) context.print(line);
  summary.data = result.facts;
  if (isWhole) await keepConformance(flags.store, result);
  else summary.incomplete('the probe was stopped before its end: it confirms nothing');
  if (left.length > 0) summary.incomplete(`on ${symbol} stays what the probe could not take away: ${left.join(', ')}`);
  else stderr.note(`the last read of ${symbol} shows no order and no position`);
  for (const { id, seen, scenario } of result.facts.filter(({ verdict }) => verdict === 'contradicts'))
    summary.unsafe(`${id}: ${seen}; mdtool assumes otherwise (${scenario})`);
}

function onlySymbol({ symbols = [SYMBOL] }: TestFlags): string {
  const [only, ...more] = symbols;
  if (only !== undefined && more.length === 0) return only;
  throw new UsageError('--symbols: expected one symbol');
}

function tableOf(facts: readonly Fact[]): string[] {
  return columns([['question', 'seen', ''], ...facts.map(({ question, seen, verdict }) => [question, seen, verdict])]);
}
