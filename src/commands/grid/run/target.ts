import type { AccountClient } from '../../../lib/account/client.js';
import { readTerms } from '../../../lib/cli/trading-terms.js';
import type { Exchange } from '../../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../../lib/exchanges/index.js';
import type { AccountFamily, PrivateScope } from '../../../lib/exchanges/private-side.js';
import type { SymbolView } from '../../../lib/execution/differences.js';
import type { RunConfig } from '../../../lib/execution/state.js';
import { FailureError, UsageError } from '../../../lib/model/errors.js';
import type { Mode, PositionSide } from '../../../lib/model/records.js';
import { DEFAULT_NAME } from '../../../lib/secrets/key-entry.js';
import { createHttpClient } from '../../../lib/transport/http.js';
import { exchangeNamed, openTradingAccount } from './open.js';
import type { SessionContext } from './session.js';

/** A symbol of an account. */
export type Target = {
  readonly exchange: Exchange;
  readonly mode: Mode;
  readonly account: string;
  readonly scope: PrivateScope;
  readonly side?: PositionSide | undefined;
};

/** Flags that name a target without a run. */
type TargetFlags = {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly demo: boolean;
  readonly account?: string | undefined;
  readonly store: string;
  readonly 'accept-endpoint'?: readonly string[] | undefined;
};

/** What asks an account without trading. */
export type AskContext = Omit<SessionContext, 'http' | 'signal'>;

/** Gives work a connection that ends with it. */
export async function withHttp<Result>(
  context: AskContext,
  work: (connected: SessionContext) => Promise<Result>,
): Promise<Result> {
  const http = await createHttpClient({ userAgent: context.userAgent });
  const ended = new AbortController();
  try {
    return await work({ ...context, http, signal: ended.signal });
  } finally {
    ended.abort();
    await http.close();
  }
}

/** Returns the target of a run. Throws a `UsageError` where flags name another. */
export function targetOfRun(run: RunConfig, flags: TargetFlags): Target {
  const { market, symbol, settle, mode, side } = run;
  if (flags.symbols !== undefined) throw new UsageError('--symbols: the run names its symbol');
  const scope = { market, symbol, settle };
  return { exchange: exchangeNamed(EXCHANGES, run.exchange), mode, account: flags.account ?? run.account, scope, side };
}

/** Returns the target that flags name. Throws a `UsageError` where they do not name one. */
export async function targetOfFlags(flags: TargetFlags, what: string, context: SessionContext): Promise<Target> {
  const { exchange: exchanges, symbols, demo, account = DEFAULT_NAME, store } = flags;
  const [exchange, ...more] = exchanges ?? [];
  const [symbol, ...others] = symbols ?? [];
  if (!exchange || symbol === undefined || more.length + others.length > 0)
    throw new UsageError(`${what}: expected the name of a run, or --exchange and --symbols with one of each`);
  const { instrument } = await readTerms({ ...context, exchange, symbol, store }, false);
  const scope = { market: instrument.market, symbol: instrument.symbol, settle: instrument.settle };
  return { exchange, mode: demo ? 'demo' : 'live', account, scope };
}

/** Opens the account of a target. Throws an `AccountError` where it cannot be used. */
export async function openTarget(
  { exchange, mode, account, scope }: Target,
  flags: TargetFlags,
  context: SessionContext,
): Promise<{ readonly client: AccountClient; readonly family: AccountFamily }> {
  const market = { ...context, exchange, symbol: scope.symbol, store: flags.store };
  const opened = await openTradingAccount(market, { mode, name: account, accepted: flags['accept-endpoint'] ?? [] });
  if (!opened) throw new UsageError('a run on paper has no account');
  return opened;
}

/** Reads what rests and what is held. Throws a `FailureError` where a row cannot be read: the rest would look like all of it. */
export async function readSymbol(
  { client, family }: { readonly client: AccountClient; readonly family: AccountFamily },
  scope: PrivateScope,
): Promise<SymbolView> {
  const [orders, positions] = await Promise.all([client.read(family.openOrders(scope)), client.read(family.positions(scope))]);
  const [unread] = [...orders.rejected, ...positions.rejected];
  if (unread !== undefined) throw new FailureError(`an answer of ${client.account.exchange.id} cannot be read: ${unread}`);
  const isOpen = ({ symbol, amount }: { symbol: string; amount: string }) => symbol === scope.symbol && Number(amount) !== 0;
  return {
    orders: orders.items.filter(({ symbol }) => symbol === scope.symbol),
    positions: positions.items.filter(isOpen),
  };
}
