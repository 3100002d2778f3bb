import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Stderr } from '../../../lib/cli/stderr.js';
import { readTerms } from '../../../lib/cli/trading-terms.js';
import { EXCHANGES } from '../../../lib/exchanges/index.js';
import { conformanceObstacle } from '../../../lib/execution/live/conformance/result.js';
import { randomText } from '../../../lib/execution/live/random-text.js';
import { rulesOf } from '../../../lib/execution/live/rules.js';
import { Runner, type RunnerOptions } from '../../../lib/execution/live/runner.js';
import type { OutboxRow } from '../../../lib/execution/messages.js';
import { isSettled } from '../../../lib/execution/orders.js';
import type { RunConfig, StopMode } from '../../../lib/execution/state.js';
import { createRunStore, openRunStore, runDirectory, type SqliteRunStore } from '../../../lib/execution/store/sqlite-store.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { AnyRecord, Mode } from '../../../lib/model/records.js';
import { DEFAULT_NAME } from '../../../lib/secrets/key-entry.js';
import { openStoreDirectory } from '../../../lib/storage/files/store-directory.js';
import { buildConfig, checkPlan, refuseChanges } from './config.js';
import { confirmLive } from './confirmation.js';
import type { RunFlags } from './flags.js';
import type { MarketContext } from './market.js';
import { exchangeNamed, openTradingAccount, openVenue, takeLocks } from './open.js';
import { changesOf } from './reconfigure.js';

export type SessionContext = Omit<MarketContext, 'exchange' | 'symbol' | 'store'> & {
  readonly notice: (text: string) => void;
  /** Called when one of several runs cannot be opened, or breaks. */
  readonly failed?: ((text: string) => void) | undefined;
  /** Returns what the other runs of the process bind, for a run that is being opened. */
  readonly others?: ((session: () => RunSession) => RunnerOptions['others']) | undefined;
};

/** A run that is ready to go. */
export type RunSession = {
  readonly config: RunConfig;
  readonly store: SqliteRunStore;
  readonly runner: Runner;
  /** Everything that the run writes, until it has ended; the cursor moves when a batch was taken. */
  records(): AsyncGenerator<readonly AnyRecord[]>;
  /** The exit code; set when `records` has ended. */
  readonly result: () => number;
  readonly close: () => void;
};

function modeOf(flags: RunFlags): Mode {
  return flags.live ? 'live' : flags.demo ? 'demo' : 'paper';
}

/** How a session differs from one that trades on. */
type SessionPurpose = { readonly given: Readonly<Record<string, string>>; readonly stop?: StopMode | undefined };

/** Opens a run: a new one from its flags, or one that exists by its name. Nothing is sent before `records` is read. */
export async function openSession(
  name: string,
  flags: RunFlags,
  { given, stop }: SessionPurpose,
  context: SessionContext,
): Promise<RunSession> {
  const directory = runDirectory(flags.store, name);
  await openStoreDirectory(flags.store);
  const known = existsSync(join(directory, 'run.db')) ? await openRunStore(directory) : undefined;
  try {
    if (known && stop === undefined) requireSame(known, flags, given);
    const isNew = known === undefined || flags.reconfigure;
    const { config, market, terms, opened } = await configured(name, flags, given, isNew ? undefined : known.config, context);
    const noNewCycle = stop === undefined ? await newCycleObstacle(config, flags) : undefined;
    if (stop === undefined) await confirmLive(config, flags, { isNew, obstacle: noNewCycle });
    const { venue, userId, warnings, keyExpires } = await openVenue({
      context: market,
      config,
      state: known?.state,
      terms,
      account: opened,
      sharesMargin: flags['accept-shared-margin'] || stop !== undefined,
      latency: flags.latency,
    });
    for (const warning of warnings) context.notice(warning);
    const store = known ?? (await createRunStore(directory, { ...config, userId }));
    if (known && isNew) reconfigure(known, { ...config, userId }, context);
    const unlock = await takeLocks(flags.store, store.config);
    const session = sessionOf(store, unlock, {
      venue,
      rules: rulesOf(store.config, terms),
      code: codeFor(known?.state?.starts ?? []),
      resume: flags.resume,
      stop,
      keyExpires,
      noNewCycle,
      stderr: context.stderr,
      others: context.others?.(() => session),
    });
    return session;
  } catch (error) {
    known?.close();
    throw error;
  }
}

function reconfigure(store: SqliteRunStore, config: RunConfig, { stderr }: SessionContext): void {
  stderr.log.info(`${config.name}: ${changesOf(store.config, config)}`);
  store.configure({ ...config, id: store.config.id });
}

/** Returns what a run is: as it was kept, or as its flags and its symbol make it. */
async function configured(
  name: string,
  flags: RunFlags,
  given: Readonly<Record<string, string>>,
  known: RunConfig | undefined,
  context: SessionContext,
) {
  const exchange = known ? exchangeNamed(EXCHANGES, known.exchange) : onlyExchange(flags);
  const market: MarketContext = { ...context, exchange, symbol: known?.symbol ?? onlySymbol(flags), store: flags.store };
  const terms = await readTerms(market, known === undefined && flags['maintenance-rate'] === undefined);
  const mode = known?.mode ?? modeOf(flags);
  const account = flags.account ?? known?.account ?? DEFAULT_NAME;
  const opened = await openTradingAccount(market, { mode, name: account, accepted: flags['accept-endpoint'] ?? [] });
  if (known) return { config: known, market, terms, opened };
  const owner = { mode, name: account, family: opened?.family.id, ...limitsOf(opened, exchange) };
  const config = buildConfig(name, flags, terms, owner, given);
  const isAccepted = flags['accept-unsafe-plan'] || mode === 'paper';
  for (const warning of checkPlan(config, terms, isAccepted)) context.notice(warning);
  return { config, market, terms, opened };
}

function requireSame(known: SqliteRunStore, flags: RunFlags, given: Readonly<Record<string, string>>): void {
  const { config, state } = known;
  const wanted = flags.live ? 'live' : flags.demo ? 'demo' : flags.paper ? 'paper' : undefined;
  if (wanted !== undefined && wanted !== config.mode)
    throw new UsageError(`the run ${config.name} is a ${config.mode} run, not ${wanted}: make a new one`);
  if (config.mode === 'live' && !flags.live)
    throw new UsageError(`the run ${config.name} trades real money: start it with --live`);
  refuseChanges(config, given, flags.reconfigure);
  const isIdle = state === undefined || (Number(state.held) === 0 && state.orders.every(isSettled));
  if (flags.reconfigure && !isIdle)
    throw new UsageError(`the run ${config.name} holds a position or has orders: stop it with --close before --reconfigure`);
}

function onlyExchange({ exchange }: RunFlags) {
  const [only, ...more] = exchange ?? [];
  if (only && more.length === 0) return only;
  throw new UsageError('missing --exchange: a new run is for one symbol of one exchange');
}

function onlySymbol({ symbols }: RunFlags): string {
  const [only, ...more] = symbols ?? [];
  if (only !== undefined && more.length === 0) return only;
  throw new UsageError('missing --symbols: a new run is for one symbol of one exchange');
}

function limitsOf(
  opened: Awaited<ReturnType<typeof openTradingAccount>>,
  { privateSide }: { privateSide?: { window: number } | undefined },
) {
  return { window: opened ? (privateSide?.window ?? 0) : 0, batch: opened?.family.writes.batchLimit ?? 10 };
}

/** A code that no start of this database has had. */
function codeFor(starts: readonly string[]): string {
  for (;;) {
    const code = randomText(3);
    if (!starts.includes(code)) return code;
  }
}

/** Why a run with real money begins no cycle by itself; one that holds something is managed all the same. */
async function newCycleObstacle(
  { mode, exchange, family, positionMode }: RunConfig,
  flags: RunFlags,
): Promise<string | undefined> {
  if (mode !== 'live' || flags['accept-unverified']) return undefined;
  return conformanceObstacle(flags.store, { exchange, family: family ?? 'unknown', positionMode });
}

type Parts = Omit<ConstructorParameters<typeof Runner>[0], 'store' | 'onRecords'> & { readonly stderr: Stderr };

function sessionOf(store: SqliteRunStore, unlock: () => void, { stderr, ...parts }: Parts): RunSession {
  let wake = () => {};
  const runner = new Runner({
    ...parts,
    store,
    onRecords: (rows) => {
      for (const { record } of rows) if (record.type === 'event') report(stderr, store.config.name, record);
      wake();
    },
  });
  const records = () =>
    delivered(store, runner, (next) => {
      wake = next;
    });
  const close = () => {
    store.close();
    unlock();
  };
  return { config: store.config, store, runner, records, result: () => runner.state.finished ?? 1, close };
}

/** Yields what the journal has for the store, until the run has ended; the cursor moves when a batch was taken. */
async function* delivered(
  store: SqliteRunStore,
  runner: Runner,
  onWake: (wake: () => void) => void,
): AsyncGenerator<readonly AnyRecord[]> {
  let ended: { readonly failure?: unknown } | undefined;
  let wake = () => {};
  runner
    .run()
    .then(
      () => {
        ended = {};
      },
      (failure) => {
        ended = { failure };
      },
    )
    .finally(() => wake());
  for (;;) {
    const rows: readonly OutboxRow[] = store.outbox(store.cursor('store'), 500);
    const last = rows.at(-1);
    if (last) {
      yield rows.map(({ record }) => record);
      store.advance('store', last.seq);
    } else if (ended) break;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
        onWake(resolve);
      });
  }
  if (ended.failure !== undefined) throw ended.failure;
}

function report(stderr: Stderr, name: string, event: Extract<OutboxRow['record'], { type: 'event' }>): void {
  const text = `${name}: ${event.message}`;
  if (event.severity === 'routine') stderr.log.info(text);
  else stderr.warn(text);
}

/** Calls `stop` when a signal is or becomes aborted. */
export function onStop(signal: AbortSignal, stop: () => void): void {
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
}

/** Takes a run that has no process, ends it in the way asked for, and returns the exit code of that. */
export async function endingSession(
  name: string,
  store: string,
  stop: StopMode,
  accepted: readonly string[],
  context: Omit<SessionContext, 'http' | 'signal'>,
): Promise<number> {
  const { createHttpClient } = await import('../../../lib/transport/http.js');
  const http = await createHttpClient({ userAgent: context.userAgent });
  const ended = new AbortController();
  const flags = {
    store,
    'accept-endpoint': accepted,
    'accept-shared-margin': true,
    reconfigure: false,
    resume: false,
  } as unknown as RunFlags;
  try {
    const session = await openSession(name, flags, { given: {}, stop }, { ...context, http, signal: ended.signal });
    try {
      // What it writes waits in the journal for the next process that stores records.
      return await session.runner.run();
    } finally {
      session.close();
    }
  } finally {
    ended.abort();
    await http.close();
  }
}
