import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountClient } from '../../../lib/account/client.js';
import { openAccount } from '../../../lib/account/inspect.js';
import { buildTerms } from '../../../lib/backtest/terms.js';
import { findKeys, openClient, openKeyStore } from '../../../lib/cli/account-access.js';
import { readTerms } from '../../../lib/cli/trading-terms.js';
import type { Exchange } from '../../../lib/exchanges/exchange.js';
import type { AccountFamily } from '../../../lib/exchanges/private-side.js';
import { AccountFeed } from '../../../lib/execution/live/account-feed.js';
import { checkAccount } from '../../../lib/execution/live/check.js';
import { ExchangeVenue } from '../../../lib/execution/live/exchange-venue.js';
import { PaperVenue } from '../../../lib/execution/live/paper-venue.js';
import { rulesOf } from '../../../lib/execution/live/rules.js';
import type { Venue } from '../../../lib/execution/live/venue.js';
import { isLive } from '../../../lib/execution/orders.js';
import type { RunConfig, RunState } from '../../../lib/execution/state.js';
import { lockFile, runsFolder } from '../../../lib/execution/store/sqlite-store.js';
import type { TradingTerms } from '../../../lib/instruments/trading-terms.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { Mode } from '../../../lib/model/records.js';
import { SYSTEM_TIMING } from '../../../lib/transport/timing.js';
import { refusalOf } from './config.js';
import { liveTrades, type MarketContext, readQuote } from './market.js';

/** On paper: approximate time of an order to an exchange from outside of its data centre, microseconds. */
const LATENCY = 100_000;

/** Milliseconds between two tries for a lock. */
const LOCK_PAUSE = 50;
const LOCK_TRIES = 5;

/** An account, its limits and its pushes: runs of one process share it. */
type OpenedAccount = { readonly client: AccountClient; readonly family: AccountFamily; readonly feed: AccountFeed };

/** Opens the account of a key: clock, family. Throws an `AccountError` where it cannot be used. */
export async function openTradingAccount(
  context: MarketContext,
  which: { readonly mode: Mode; readonly name: string; readonly accepted: readonly string[] },
): Promise<OpenedAccount | undefined> {
  if (which.mode === 'paper') return undefined;
  const { accounts, exchange } = context;
  const id = `${exchange.id} ${which.mode} ${which.name}`;
  const known = accounts?.get(id) as Promise<OpenedAccount> | undefined;
  const opened = known ?? openAccountOf(context, which);
  accounts?.set(id, opened);
  // A key that was not usable a moment ago may be now.
  opened.catch(() => accounts?.delete(id));
  return opened;
}

async function openAccountOf(
  context: MarketContext,
  { mode, name, accepted }: { readonly mode: Mode; readonly name: string; readonly accepted: readonly string[] },
): Promise<OpenedAccount> {
  const { exchange, http, settings, stderr } = context;
  const [key] = await findKeys(openKeyStore(), { exchange: [exchange], account: [name], demo: mode === 'demo' });
  if (!key) throw new UsageError(`no key ${exchange.id}/${name}`);
  if (mode === 'live' && key.entry.mode !== 'live')
    throw new UsageError(`the key ${exchange.id}/${name} is a demo key: it cannot trade with real money`);
  const started = { wall: Date.now(), at: performance.now() };
  const client = openClient(key, {
    http,
    settings,
    accepted,
    // A clock that is set while orders are unknown would decide about them.
    now: () => started.wall + performance.now() - started.at,
    onWait: (text) => stderr.log.debug(text),
  });
  const { family } = await openAccount(client, (text) => stderr.warn(text));
  const feed = new AccountFeed({ client, family, timing: SYSTEM_TIMING, userAgent: context.userAgent });
  return { client, family, feed };
}

type VenueOptions = {
  readonly context: MarketContext;
  readonly config: RunConfig;
  readonly state: RunState | undefined;
  readonly terms: TradingTerms;
  readonly account: OpenedAccount | undefined;
  readonly sharesMargin: boolean;
  /** Microseconds. */
  readonly latency: number | undefined;
};

/** Opens where the orders of a run go; an account is checked first. */
export async function openVenue(
  options: VenueOptions,
): Promise<{ venue: Venue; userId?: string | undefined; warnings: readonly string[]; keyExpires?: number | undefined }> {
  const { context, config, state, account } = options;
  if (!account) return { venue: paperVenue(options), warnings: [] };
  const { client, family, feed } = account;
  if (config.family !== undefined && config.family !== family.id)
    throw new UsageError(`the run ${config.name} is of a ${config.family} account, the key is of a ${family.id} one`);
  if (config.exchangeStop !== undefined && family.stops === undefined)
    throw new UsageError(`--exchange-stop: mdtool sets no stops on ${family.name} accounts`);
  const isOpen = state !== undefined && (Number(state.held) > 0 || state.orders.some(isLive));
  const checked = await checkAccount({ client, family, config, sharesMargin: options.sharesMargin, isOpen });
  const venue = new ExchangeVenue({
    client,
    family,
    config,
    feed,
    quote: () => readQuote(context, config),
  });
  return { venue, ...checked };
}

function paperVenue({ context, config, state, terms, latency = LATENCY }: VenueOptions): PaperVenue {
  const { settings, deposit, leverage, marginMode } = config;
  const text = (value: unknown) => (value === undefined ? undefined : Number(value));
  const rules = rulesOf(config, terms);
  return new PaperVenue({
    config,
    state,
    terms: buildTerms({
      deposit: Number(deposit),
      leverage: Number(leverage),
      marginMode,
      makerFee: text(settings.makerFee),
      takerFee: text(settings.takerFee),
      latency,
      fill: 'touch',
      tiers: settings.tiers,
      tickSize: Number(rules.tick),
      lotSize: Number(rules.lot),
      minAmount: text(rules.minAmount),
      minNotional: text(rules.minNotional),
    }),
    trades: liveTrades(context),
    now: () => Date.now(),
    rules: async () => {
      const read = await readTerms(context, false);
      return { rules: rulesOf(config, read), refusal: refusalOf(read.instrument) };
    },
  });
}

/** Takes the locks of a run and of its symbol; returns how to let them go. Throws a `UsageError` where another process has one. */
export async function takeLocks(store: string, { name, exchange, mode, account, symbol }: RunConfig): Promise<() => void> {
  const runs = runsFolder(store);
  const own = await patientLock(join(runs, name, 'run.lock'));
  if (!own) throw new UsageError(`the run ${name} is running already: mdtool grid status ${name}`);
  if (mode === 'paper') return own;
  const symbolLock = await lockFile(join(runs, `${exchange}-${mode}-${account}-${symbol}.lock`));
  if (symbolLock)
    return () => {
      symbolLock();
      own();
    };
  own();
  throw new UsageError(`another run trades ${symbol} on this account: one run per symbol`);
}

/** Who looks whether a run has a process holds its lock for a moment: a start within that moment must not be refused. */
async function patientLock(path: string): Promise<(() => void) | undefined> {
  for (let tries = 1; ; tries++) {
    const unlock = await lockFile(path);
    if (unlock || tries === LOCK_TRIES) return unlock;
    await sleep(LOCK_PAUSE);
  }
}

export function exchangeNamed(exchanges: readonly Exchange[], id: string): Exchange {
  const found = exchanges.find((exchange) => exchange.id === id);
  if (!found) throw new UsageError(`the exchange ${id} is not known`);
  return found;
}
