import { setTimeout as wait } from 'node:timers/promises';
import { restOriginFor } from '../../exchanges/requests.js';
import { IMPATIENT } from '../../history/rest-client.js';
import type { RestSource } from '../../instruments/instruments.js';
import { UnreachableError, UsageError } from '../../model/errors.js';
import type { AnyRecord, Instrument, Market } from '../../model/records.js';
import { MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import { SYSTEM_TIMING, type Timing } from '../../transport/timing.js';
import type { Selection } from '../selection.js';
import { Capture } from '../session/capture.js';
import type { Statistics } from '../statistics.js';
import { BookFetcher } from './book-fetcher.js';
import { ClaimedSymbols, type Wanted } from './claimed-symbols.js';
import { ConnectionPool, type Venue } from './connection-pool.js';
import type { Live } from './live.js';
import { buildSelection, checkChannels, type LiveOptions, shardFilter } from './live-options.js';
import { LiveRepair } from './live-repair.js';
import { Polls } from './polls.js';
import { OverflowNotice, RecordQueue } from './record-queue.js';
import { Resumption } from './resumption.js';
import { RunLog } from './run-log.js';
import { buildStatus, type LiveStatus } from './status.js';
import { type RefreshTurn, type UniverseAnswer, UniverseWatch } from './universe-watch.js';
import { LocalClock, Wire, type WireTap } from './wire.js';

/** Milliseconds between two advances of the capture time when no frame arrives. */
const TICK_EVERY = 100;
const CHECK_EVERY = 1_000;
/** Milliseconds between two looks for audits that are due: with two at a time, at most eight a second. */
const AUDIT_CHECK_EVERY = 250;
/** Milliseconds between two attempts to fetch an unavailable instrument list: before the start, and during the run. */
const LIST_RETRY = 5_000;
const UNLISTED_RETRY = 30_000;

/**
 * Fetches the instruments of the exchanges and prepares their capture; it starts when its records are read. Throws a
 * `UsageError` for a channel that an exchange lacks, an `UnreachableError` when no exchange answers in time.
 */
export async function openLive(options: LiveOptions): Promise<Live> {
  checkChannels(options);
  return new LiveRun(options).prepare();
}

class LiveRun implements Live {
  readonly #options: LiveOptions;
  readonly #timing: Timing;
  readonly #queue: RecordQueue;
  readonly #overflow: OverflowNotice;
  readonly #wire: Wire;
  readonly #capture: Capture;
  readonly #watch: UniverseWatch;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #runLog: RunLog;
  readonly #repair: LiveRepair | undefined;
  readonly #resumption: Resumption | undefined;
  readonly #claimed: ClaimedSymbols | undefined;
  readonly #selection: Selection;
  readonly #polls: Polls;
  readonly #bookFetcher: BookFetcher;
  readonly pools: readonly ConnectionPool[];
  #wanted: Wanted = { wanted: new Map(), symbols: new Map() };
  #started = 0;
  #isEnding = false;
  /** Number of exchanges whose lists were unavailable at the last refresh. */
  #unlisted = 0;
  #last: LiveStatus | undefined;
  #refreshes: Promise<void> = Promise.resolve();

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    this.#overflow = new OverflowNotice(options.queueLimit, options.log.warn);
    this.#queue = new RecordQueue(
      options.queueLimit,
      (record) => this.#overflow.add(record, 'dropped (gap overflow)'),
      options.repair && {
        isRepaired: (trade) => this.#capture.isRepaired(trade),
        refetches: (trade) => {
          if (this.#capture.overflow(trade)) this.#overflow.add(trade, 'dropped and fetched again');
          return true;
        },
      },
    );
    const { depth, bookInterval, log, venues, repair } = options;
    this.#selection = buildSelection(options);
    this.#capture = new Capture({
      selection: this.#selection,
      depth,
      bookInterval,
      warn: log.notice,
      repair: repair?.limits,
      auditEvery: repair?.auditEvery,
    });
    const heard: WireTap = { event: () => {}, data: (_, frame) => this.#watch.observe(frame) };
    const taps = [...options.taps, heard];
    this.#wire = new Wire({ clock: new LocalClock(), capture: this.#capture, queue: this.#queue, taps });
    const exchanges = venues.map(({ exchange }) => exchange);
    const pool = (id: string) => this.pools.find(({ exchange }) => exchange.id === id) as ConnectionPool;
    this.#repair = repair && new LiveRepair({ options: repair, wire: this.#wire, exchanges, warn: log.warn, pool });
    this.#resumption = options.store === undefined ? undefined : new Resumption(options.store, this.#capture);
    this.#watch = new UniverseWatch(
      venues.map((venue) => ({ exchange: venue.exchange, rest: createTappedSource(venue, options, this.#wire) })),
      { ...options.universe, ...options, takes: shardFilter(options) },
      { incomplete: log.incomplete, warn: log.warn, fallback: log.warn },
    );
    this.#runLog = new RunLog(this.statistics, log);
    this.pools = venues.map((venue) => this.#createPool(venue));
    const { polled, claim } = options;
    this.#claimed = claim && new ClaimedSymbols(claim, polled?.types ?? [], options.log.notice);
    this.#bookFetcher = new BookFetcher({ venues, client: options.rest, wire: this.#wire, timing: this.#timing, warn: log.warn });
    this.#polls = new Polls({ venues, polled, wire: this.#wire, timing: this.#timing, log });
  }

  get statistics(): Statistics {
    return this.#capture.statistics;
  }

  get symbols(): number {
    const lists = [...this.#wanted.symbols.values()].flatMap((ofMarket) => [...ofMarket.values()]);
    return lists.reduce((sum, { length }) => sum + length, 0);
  }

  /** At the end all connections are closed. The status keeps their numbers from before it. */
  status(): LiveStatus {
    const status = buildStatus({
      statistics: this.statistics,
      pools: this.pools,
      lags: this.#wire.lags,
      queue: this.#queue,
      counters: this.#runLog,
      polls: this.#polls,
      symbols: this.symbols,
      repairing: this.#capture.repair?.open ?? 0,
      seconds: this.#started === 0 ? 0 : (this.#timing.now() - this.#started) / 1000,
    });
    return this.#last ? { ...status, connections: this.#last.connections, subscriptions: this.#last.subscriptions } : status;
  }

  get universe(): UniverseAnswer['symbols'] {
    return this.#wanted.symbols;
  }

  get instruments(): readonly Instrument[] {
    return this.#watch.instruments;
  }

  get wanted(): UniverseAnswer['wanted'] {
    return this.#wanted.wanted;
  }

  get unreachable(): readonly string[] {
    return this.#runLog.unreachable;
  }

  /** Fetches the first lists; retries until an exchange answers or the time is up. */
  async prepare(): Promise<Live> {
    const { signal, unreachableAfter, log, shard } = this.#options;
    this.#started = this.#timing.now();
    for (;;) {
      const answer = await this.#watch.refresh('first');
      const { failed } = answer;
      if (answer.wanted.size > 0) {
        this.#setFirst(answer);
        return this;
      }
      // A leased shard that is given back this early is captured by its next holder: no failure.
      if (signal.aborted && shard?.waits) return this;
      if (signal.aborted) throw new UnreachableError('stopped before an exchange answered');
      if (this.#timing.now() - this.#started + LIST_RETRY > unreachableAfter)
        throw new UnreachableError([...failed.values()].join('; '));
      for (const reason of failed.values()) log.warn(`${reason}; retrying in ${LIST_RETRY / 1000} s`);
      await this.#timing.sleep(LIST_RETRY, signal);
    }
  }

  async saveCoverage(): Promise<void> {
    await this.#resumption?.save();
  }

  get records(): AsyncIterable<readonly AnyRecord[]> {
    return this.#run();
  }

  #setFirst(wanted: UniverseAnswer): void {
    const { failed } = wanted;
    for (const [id, reason] of failed) this.#runLog.unlisted(id, reason);
    this.#unlisted = failed.size + wanted.outdated.size;
    const isEmpty = [...wanted.symbols.values()].every((ofMarket) => ofMarket.size === 0);
    const { shard, log } = this.#options;
    const share = shard === undefined ? '' : ` and belongs to shard ${shard.index}/${shard.count}: choose fewer shards`;
    if (isEmpty && failed.size === 0 && !shard?.waits)
      throw new UsageError(
        `no instrument passes the filters${share}; try mdtool symbols with the same --quote, --kind, --status and --match`,
      );
    if (isEmpty && shard?.waits)
      log.info(`no symbol belongs to shard ${shard.index}/${shard.count} yet: waiting for new listings`);
    this.#wanted = wanted;
  }

  async *#run(): AsyncGenerator<readonly AnyRecord[]> {
    const { signal } = this.#options;
    const stop = () => void this.#end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      // A slow store must not outlast the run: its start is not waited for, so that the run ends in time.
      void this.#begin().catch((failure) => this.#end(failure));
      yield* this.#queue.batches();
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#end();
    }
  }

  /** Subscribes the first lists. When the run is stopped meanwhile, nothing may begin that nobody would end. */
  async #begin(): Promise<void> {
    this.#claimed?.begin(this.#wanted);
    await this.#adjust(this.#wanted);
    if (this.#isEnding) return;
    this.#polls.start();
    this.#schedule();
  }

  #schedule(): void {
    const { refreshEvery, unreachableAfter } = this.#options;
    this.#timers.push(
      setInterval(() => this.#tick(), TICK_EVERY),
      setInterval(() => this.#repair?.check(), TICK_EVERY),
      setInterval(() => this.#repair?.audit(), AUDIT_CHECK_EVERY),
      setInterval(() => this.#check(), CHECK_EVERY),
      setInterval(() => this.#refresh('regular'), refreshEvery),
      setInterval(() => this.#repeatRefresh(), Math.min(refreshEvery, UNLISTED_RETRY)),
      setTimeout(() => this.#checkReached(), Math.max(0, unreachableAfter - (this.#timing.now() - this.#started))),
    );
  }

  /** Ends the run as unreachable when nothing connected in time, unless there is nothing to connect for. */
  #checkReached(): void {
    if (this.#options.shard?.waits && this.symbols === 0) return;
    if (this.#runLog.connects + this.#polls.answered > 0 || this.#isEnding) return;
    const seconds = Math.round(this.#options.unreachableAfter / 1000);
    const { lastFailure } = this.#runLog;
    void this.#end(new UnreachableError(`nothing connected within ${seconds} s of the start: ${lastFailure}`));
  }

  #check(): void {
    this.#overflow.log(this.#timing.now());
    for (const pool of this.pools) {
      pool.check();
      if (!pool.exchange.bookSnapshots) this.#restoreBooks(pool);
    }
    for (const { exchange, market, symbol } of this.#queue.booksToResubscribe) {
      const pool = this.pools.find((candidate) => candidate.exchange.id === exchange);
      if (pool?.exchange.bookSnapshots?.request(market as Market, symbol))
        this.#capture.restartBook(exchange, market as Market, symbol);
      else pool?.resubscribeBook(market as Market, symbol);
    }
  }

  /** Gets the whole books that are waited for: over REST, or by subscribing again. */
  #restoreBooks(pool: ConnectionPool): void {
    for (const { market, symbol } of this.#capture.brokenBooks(pool.exchange.id))
      if (!this.#bookFetcher.fetch(pool.exchange.id, market, symbol)) pool.resubscribeBook(market, symbol);
  }

  /** Lets time pass. While a book waits for its state over REST its deltas pile up, so that is asked for soon. */
  #tick(): void {
    this.#wire.tick();
    for (const pool of this.pools) if (pool.exchange.bookSnapshots) this.#restoreBooks(pool);
  }

  /** Requests lists again that were unavailable or lack captured symbols. */
  #repeatRefresh(): void {
    if (this.#unlisted > 0 || this.#watch.hasDoubts) this.#refresh('repeat');
  }

  /** Refreshes the lists, one refresh at a time. A failed one is repeated at the next interval. */
  #refresh(turn: RefreshTurn): void {
    const { log } = this.#options;
    this.#refreshes = this.#refreshes.then(async () => {
      if (this.#isEnding) return;
      try {
        const wanted = await this.#watch.refresh(turn);
        const { failed } = wanted;
        this.#unlisted = failed.size;
        for (const reason of failed.values()) log.warn(`instrument list not refreshed: ${reason}`);
        const before = this.symbols;
        if (!this.#isEnding) await this.#adjust((await this.#claimed?.claimNew(wanted)) ?? wanted);
        for (const pool of this.pools) pool.retry();
        if (this.symbols !== before) log.info(`symbols captured: ${before} before, ${this.symbols} now`);
      } catch (error) {
        log.warn(`instrument list not refreshed: ${(error as Error).message}`);
      }
    });
  }

  async #adjust({ wanted, symbols }: Wanted): Promise<void> {
    this.#wanted = { wanted, symbols: new Map([...this.#wanted.symbols, ...symbols]) };
    for (const [id, universe] of symbols) this.#selection.narrow(id, universe);
    if (this.#resumption) await this.#resume(this.#resumption, { wanted, symbols });
    this.#polls.adjust(symbols);
    for (const pool of this.pools) {
      const subscriptions = wanted.get(pool.exchange.id);
      if (subscriptions) await pool.adjust(subscriptions);
    }
  }

  async #resume(resumption: Resumption, { wanted, symbols }: Wanted): Promise<void> {
    const types = this.#options.polled?.types ?? [];
    for (const { exchange } of this.pools) {
      const polled = { types, symbols: symbols.get(exchange.id) ?? new Map() };
      await resumption.resume(exchange, wanted.get(exchange.id) ?? [], polled);
    }
  }

  /** Stops the run, once. Whatever fails meanwhile, its records end: nobody else would end them. */
  async #end(failure?: unknown): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    try {
      await this.#stop();
      this.#queue.close(failure);
    } catch (error) {
      this.#queue.close(failure ?? error);
    }
  }

  /**
   * Stops all parts; takes no longer than the patience with audits and with connections together. Frames stop first: a
   * connection that closes before that would leave a gap.
   */
  async #stop(): Promise<void> {
    if (this.#options.signal.aborted) await this.#repair?.finish(AUDIT_PATIENCE);
    this.#options.endRequests?.();
    this.#last = this.status();
    this.#wire.end();
    this.#resumption?.end();
    for (const timer of this.#timers) clearInterval(timer);
    const stops = [this.#polls, ...this.pools].map((part) => part.stop());
    await Promise.race([Promise.all(stops), wait(CLOSE_PATIENCE, undefined, { ref: false })]);
    this.#wire.finish();
    this.#overflow.log(this.#timing.now(), true);
  }

  #createPool(venue: Venue): ConnectionPool {
    const { depth, userAgent } = this.#options;
    const events = this.#runLog.createEvents(venue.exchange.id);
    return new ConnectionPool({ venue, depth, wire: this.#wire, timing: this.#timing, userAgent, events });
  }
}

/** Milliseconds that the last audits of a run, and the repairs that follow from them, may take. */
const AUDIT_PATIENCE = 5_000;
/** Milliseconds that connections may take to close. */
const CLOSE_PATIENCE = 3_000;

/**
 * Creates a source of instrument lists. It asks through the client of all requests: while the exchange has banned the address,
 * a list is not asked for. Its answers also go to the tape, so that a recording holds its instruments.
 */
function createTappedSource({ exchange, origins }: Venue, { rest, signal }: LiveOptions, wire: Wire): RestSource {
  return {
    live: true,
    async answer(request) {
      const url = new URL(request.path, restOriginFor(exchange.markets, origins, request));
      url.search = new URLSearchParams(request.query).toString();
      const body = await unlessAborted(rest.get(exchange, request, IMPATIENT), signal);
      wire.answer(exchange, url.href, 200, body);
      return { body, at: Date.now() * MS };
    },
  };
}

/** Returns the result of `work`. Throws an `UnreachableError` when the signal is aborted first. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => reject(new UnreachableError('stopped before the exchange answered'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true, signal: over.signal });
  });
  return Promise.race([work, aborted]).finally(() => over.abort());
}
