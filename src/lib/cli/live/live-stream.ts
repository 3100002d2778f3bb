import { buildClaims } from '../../capture/live/claimed-symbols.js';
import type { Venue } from '../../capture/live/connection-pool.js';
import type { HealthLimits } from '../../capture/live/health.js';
import { type HealthOptions, HealthWatch } from '../../capture/live/health-watch.js';
import type { Live } from '../../capture/live/live.js';
import type { LiveOptions } from '../../capture/live/live-options.js';
import type { RepairOptions } from '../../capture/live/live-repair.js';
import { openLive } from '../../capture/live/run.js';
import type { LiveLog } from '../../capture/live/run-log.js';
import { total } from '../../capture/statistics.js';
import type { Exchange, HttpRequest } from '../../exchanges/exchange.js';
import { restOriginFor } from '../../exchanges/requests.js';
import { RestClient } from '../../history/rest-client.js';
import { createLastGoodLists } from '../../instruments/last-good-lists.js';
import { counted } from '../../model/counted.js';
import { UsageError } from '../../model/errors.js';
import { type AnyRecord, IN_BAND_TYPES, type Market } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { storePaths } from '../../storage/files/store-directory.js';
import { Claims } from '../../storage/journal/claims.js';
import { readKeys } from '../keys.js';
import { readHealthLimits } from '../notify-settings.js';
import { drawsOn } from '../progress.js';
import { redact } from '../redaction.js';
import type { Summary } from '../summary.js';
import { writerId } from '../writer-id.js';
import { FEATURES_INTERVAL, FEATURES_PRESET, type LiveStreamContext, type LiveStreamFlags } from './context.js';
import { announceCapture } from './host-captures.js';
import { MarketBoard } from './market-board.js';
import { auditPeriod, buildVenue, repairLimits, runLimits } from './pacing-settings.js';
import { sizeForecast } from './size-forecast.js';
import { reportStatus, type StatusReporter } from './status-report.js';
import { summarizeLive } from './summary.js';
import { type LiveTools, openTools, storeOf } from './tools.js';

/** A capture that is ready to be read. Call `close` after its records have ended, even by an error. */
export type LiveStream = {
  readonly live: Live;
  /** Sends all REST requests of the run. */
  readonly rest: RestClient;
  readonly records: AsyncGenerator<readonly AnyRecord[]>;
  /** Outputs that the caller opens. */
  readonly output: readonly string[] | undefined;
  readonly claims: Claims;
  readonly summarize: (summary: Summary) => Promise<void> | void;
  readonly close: () => Promise<void>;
};

/**
 * Opens the capture of the flags. Throws a `UsageError` on contradictory flags and on flags that an exchange cannot serve, an
 * `UnreachableError` if no exchange responds.
 */
export async function openLiveStream(context: LiveStreamContext): Promise<LiveStream> {
  const { exchanges, markets } = required(context.flags);
  // Refuse contradictory flags and wrong settings before anything is opened.
  intervalsOf(context.flags);
  checkPolling(context.flags);
  const health = readHealthLimits(context.settings);
  const venues = buildVenues(context);
  const tools = await openTools(context, exchanges, markets);
  try {
    tools.alsoClose(announce(context, venues));
    return await open(context, tools, { health, venues });
  } catch (error) {
    await tools.close();
    throw error;
  }
}

type Prepared = { readonly health: HealthLimits; readonly venues: readonly Venue[] };

async function open(context: LiveStreamContext, tools: LiveTools, { health, venues }: Prepared): Promise<LiveStream> {
  const { flags, settings } = context;
  const { tape, metrics, redis, limit, userAgent } = tools;
  const rest = restOf(context, tools, venues);
  const claims = new Claims();
  const limits = runLimits(settings);
  const live = await openLive({
    ...flags,
    claim: (more) => claims.add(more),
    venues,
    repair: repairOf(context, rest),
    ...storesOf(context),
    markets: required(flags).markets,
    universe: flags,
    intervals: intervalsOf(flags),
    polled: flags.poll && { types: flags.poll, every: (flags['poll-every'] ?? POLL_EVERY) / 1000, client: rest },
    bookInterval: flags['book-interval'],
    refreshEvery: flags.refresh / 1000,
    ...limits,
    rest,
    userAgent,
    taps: [tape, metrics, redis.tap].filter((tap) => tap !== undefined),
    log: logOf(context),
    signal: limit.signal,
    endRequests: () => limit.endRequests(),
  });
  claims.initial = buildClaims({ wanted: live.wanted, symbols: live.universe }, flags.poll ?? []);
  if (metrics) metrics.live = live;
  limit.countFrom(() => isUp(live), limits.unreachableAfter);
  const watch = healthOf(context, { live, rest, limits: health });
  const { reporter, board } = context.view ? { reporter: context.view(live), board: undefined } : showStatus(live, context);
  return {
    live,
    rest,
    records: untilEnd(observed(redis.tee(atMost(watch.records(live.records), flags.count)), board), () => reporter.stop()),
    output: redis.output,
    claims,
    summarize: () => summarizeRun(context, tools, live),
    close: async () => {
      reporter.stop();
      await tools.close();
    },
  };
}

async function summarizeRun({ flags, summary }: LiveStreamContext, { redis, tape }: LiveTools, live: Live): Promise<void> {
  // With `--count`, records after the last one were never stored, so do not save the position.
  if (flags.count === undefined) await live.saveCoverage();
  summarizeLive(live, summary, flags['allow-gaps']);
  if (!flags.shard?.waits) reportNothing(live, summary);
  summary.note({ ...redis.facts(), ...(tape && { tape_bytes: tape.bytes }) });
  summary.addOutput(redis.report());
}

/**
 * A script must not take a run that captured nothing for one of a quiet market. Not for a leased shard, which may have no symbol,
 * or be given back before it is up.
 */
function reportNothing(live: Live, summary: Summary): void {
  const { connects, records } = live.status();
  if (isUp(live) || total(records) > 0 || live.unreachable.length > 0) return;
  if (connects === 0) summary.unreachable('the run ended before anything was connected');
  else summary.incomplete('nothing was captured: no subscription was confirmed when the run ended');
}

/** Returns one client for all REST requests of the capture, because the exchange counts them together. */
function restOf({ stderr }: LiveStreamContext, { client, limit, budget }: LiveTools, venues: readonly Venue[]): RestClient {
  const origin = ({ id, markets, origins }: Exchange, request: HttpRequest) =>
    restOriginFor(markets, venues.find(({ exchange }) => exchange.id === id)?.origins ?? origins, request);
  const onWait = (text: string) => stderr.log.info(text);
  return new RestClient({ http: client, origin, signal: limit.requests, budget, onWait });
}

/** Warns of other captures of this host at the same exchange, unless they share a budget. Returns how to end the note of this one. */
function announce({ flags, notice }: LiveStreamContext, venues: readonly Venue[]): () => void {
  const names = new Map(
    venues.flatMap(({ exchange, origins }) => exchange.markets.map((one) => [origins(one).rest, exchange.id])),
  );
  const { others, withdraw } = announceCapture([...names.keys()]);
  for (const [origin, pids] of flags.queue === undefined ? others : [])
    notice(
      `pid ${pids.join(', ')} of this host captures ${names.get(origin)}, too: together they may exceed its limits of an address; ` +
        'share them with --queue redis://host in each',
    );
  return withdraw;
}

function buildVenues({ flags, settings }: LiveStreamContext): Venue[] {
  const practice = flags.testnet ? 'testnet' : flags.demo ? 'demo' : undefined;
  return required(flags).exchanges.map((exchange) => buildVenue(exchange, settings, { api: flags.api, practice }));
}

/** Returns the store if records go to one, and the older instrument lists of any store that is named. */
function storesOf(context: LiveStreamContext): Pick<LiveOptions, 'store' | 'fallback'> {
  const { store } = context.flags;
  return {
    store: storeOf(context.flags),
    fallback: store === undefined ? undefined : createLastGoodLists(store, logOf(context).warn),
  };
}

/** Returns the options of gap repair over REST; undefined if disabled. */
function repairOf({ flags, settings }: LiveStreamContext, client: RestClient): RepairOptions | undefined {
  if (flags['repair-max'] === 0) return undefined;
  return { limits: repairLimits(settings, flags['repair-max']), client, auditEvery: auditPeriod(settings) };
}

function logOf({ stderr, summary, notice }: LiveStreamContext): LiveLog {
  return {
    info: (message) => stderr.log.info(message),
    warn: (message) => stderr.log.warn(message),
    notice,
    incomplete: (reason) => summary.incomplete(reason),
  };
}

function healthOf({ flags, stderr }: LiveStreamContext, parts: Pick<HealthOptions, 'live' | 'rest' | 'limits'>): HealthWatch {
  const { output = ['store'], store } = flags;
  // The journals of a store in a bucket lie on this machine.
  const written = output.includes('store') && store !== undefined ? storePaths(store).root : '.';
  const directory = output.some((name) => name !== '-' && name !== 'none') ? written : undefined;
  return new HealthWatch({
    ...{ ...parts, directory, run: writerId('stream') },
    log: (severity, text) => stderr.log[severity](text),
  });
}

/** Shows the status: on a terminal with the market, whose records are then observed by the board. */
function showStatus(live: Live, { flags, stderr }: LiveStreamContext): { reporter: StatusReporter; board?: MarketBoard } {
  const forecast = sizeForecast([...live.wanted.values()].flat(), flags['book-interval'], flags.depth);
  if (forecast) stderr.note(forecast);
  const options = { live, stderr, every: flags.stats / 1000, terminal: process.stderr };
  if (!drawsOn(stderr, flags.output)) return { reporter: reportStatus({ ...options, isAnimated: false }) };
  const board = new MarketBoard();
  const market = { board, where: whereText(flags, live.symbols), readKeys, stop: () => process.kill(process.pid, 'SIGINT') };
  return { reporter: reportStatus({ ...options, isAnimated: true, market }), board };
}

/** Returns where the data goes: `storing trade, ticker of 20 symbols in ./data`. */
function whereText({ output, store, channels, poll }: LiveStreamFlags, symbols: number): string {
  const what = `${[...channels, ...(poll ?? [])].join(', ')} of ${counted(symbols, 'symbol')}`;
  const outputs = output ?? ['store'];
  const files = outputs.filter((name) => name !== 'store' && name !== 'none');
  const stored = outputs.includes('store') ? [`storing ${what} in ${store}`] : [];
  const written =
    files.length > 0 ? [`writing ${stored.length > 0 ? 'it' : what} to ${files.map((name) => redact(name)).join(', ')}`] : [];
  return [...stored, ...written].join(', ') || `capturing ${what}`;
}

async function* observed(
  records: AsyncIterable<readonly AnyRecord[]>,
  board: MarketBoard | undefined,
): AsyncGenerator<readonly AnyRecord[]> {
  for await (const batch of records) {
    board?.add(batch);
    yield batch;
  }
}

/** Returns whether the exchange has confirmed a subscription or answered a poll. */
function isUp(live: Live): boolean {
  const { subscriptions, polls } = live.status();
  return subscriptions.confirmed + polls.answered > 0;
}

async function* untilEnd<Item>(source: AsyncIterable<Item>, end: () => void): AsyncGenerator<Item> {
  try {
    yield* source;
  } finally {
    end();
  }
}

function required({ exchange = [], market = [] }: LiveStreamFlags): {
  exchanges: readonly Exchange[];
  markets: readonly Market[];
} {
  if (exchange.length === 0) throw new UsageError('missing --exchange and --market (or --replay TAPE)');
  if (market.length === 0) throw new UsageError('missing --market (spot, linear, inverse, or several of them)');
  return { exchanges: exchange, markets: market };
}

const POLL_EVERY = 5 * SECOND;

function checkPolling({ channels, poll }: LiveStreamFlags): void {
  if (channels.length === 0 && !poll) throw new UsageError('--channels none needs --poll');
}

function intervalsOf({ channels, interval }: LiveStreamFlags): readonly string[] {
  if (interval && !channels.includes('candle')) throw new UsageError('--interval needs --channels candle');
  const isPreset = FEATURES_PRESET.every((channel) => channels.includes(channel));
  if (isPreset && !interval) return [FEATURES_INTERVAL];
  if (channels.includes('candle') && !interval) throw new UsageError('--channels candle needs --interval, such as 1m,15m');
  return interval ?? [];
}

/** Gives records until `count` of them have come that carry data. */
async function* atMost(
  source: AsyncIterable<readonly AnyRecord[]>,
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly AnyRecord[]> {
  let left = count;
  for await (const records of source) {
    const end = records.findIndex((record) => !IN_BAND_TYPES.has(record.type) && --left === 0);
    yield end < 0 ? records : records.slice(0, end + 1);
    if (end >= 0) return;
  }
}
