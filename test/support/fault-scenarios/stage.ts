import { setTimeout as sleep } from 'node:timers/promises';
import { type ExchangeServer, type Market, type StartOptions, startExchangeServer } from '../exchange-server/index.js';
import { pacingVariables } from '../pacing-variables.js';
import { pick, seeded } from '../random.js';
import { CaptureProcess } from './capture-process.js';
import type { Scenario } from './scenario.js';

/** Rules and pacing count so many times as fast as the real ones. */
const TIMES = 50;
const BEAT = 10;
/** A connection that is silent for so long is dead, ms. */
const SILENCE_LIMIT = 1_500;
/** How often the trades of a symbol are compared with the exchange's list. */
const AUDIT_EVERY = '800ms';
const PATIENCE = 120_000;
const START_PATIENCE = 10_000;
const ROUND_TRIP = 500;
/** A crowd that overflows a short queue is fetched anew, one request a symbol, and REST may be slow. */
const LONGEST_ROUND_TRIP = 32_000;

/** One run of the command, from its start to its end; times are the exchange's, ms. */
export type Run = {
  readonly capture: CaptureProcess;
  readonly from: number;
  /** Until when it was there to receive. */
  until: number;
  ending: 'kill' | 'stop';
  code: number | null;
};

/** Where a scenario is played: an exchange with its traffic, and a capture that comes and goes. */
export class Stage {
  readonly scenario: Scenario;
  readonly server: ExchangeServer;
  readonly symbols: readonly string[];
  readonly store: string;
  readonly random: () => number;
  readonly runs: Run[] = [];
  readonly #traffic: NodeJS.Timeout;
  #isQuiet = false;

  private constructor(scenario: Scenario, server: ExchangeServer, store: string) {
    this.scenario = scenario;
    this.server = server;
    this.store = store;
    this.random = seeded(scenario.seed ^ 0x5eed);
    this.symbols = server.market.symbols
      .filter(({ listing }) => listing.market === scenario.market)
      .map(({ listing }) => listing.symbol);
    this.#traffic = setInterval(() => this.#beat(), BEAT);
  }

  static async open(scenario: Scenario, store: string): Promise<Stage> {
    const options: StartOptions = {
      seed: scenario.seed,
      symbols: { [scenario.market]: scenario.rates.length },
      strangers: false,
      checksum: scenario.hasChecksum,
      timeScale: TIMES,
      history: { trades: 300, duration: 60_000 },
      start: Date.now() + scenario.clockOffset,
      // Two minutes are 2.4 s here, for which a busy machine may keep the capture from its work.
      limits: { pingDeadline: 600_000 },
    };
    return new Stage(scenario, await startExchangeServer(scenario.exchange, options), store);
  }

  get market(): Market {
    return this.scenario.market;
  }

  get capture(): CaptureProcess {
    return this.#run.capture;
  }

  get #run(): Run {
    return this.runs.at(-1) as Run;
  }

  /** Lets time pass while the exchange goes on. */
  readonly pass = (milliseconds: number): Promise<void> => sleep(milliseconds);

  /** Many trades at once, more than the outputs take. */
  burst(trades: number): void {
    for (let made = 0; made < trades; made++) this.server.trade(this.market, pick(this.random, this.symbols));
  }

  /** Starts the capture; resolves when every symbol's trades are subscribed, or after a while. */
  async start(): Promise<void> {
    const { scenario, server, symbols, store } = this;
    const { exchange, market, channels, api } = scenario;
    const args = ['stream', '--exchange', exchange, '--market', market, '--symbols', symbols.join(','), '--api', api];
    const more = ['--channels', channels.join(','), '--book-interval', '100ms', '--refresh', '700ms', '--store', store];
    const capture = new CaptureProcess([...args, ...more], { ...environmentOf(scenario), ...server.environment });
    this.runs.push({ capture, from: server.now(), until: Number.POSITIVE_INFINITY, ending: 'stop', code: null });
    // How long a process takes to begin is the machine's affair: what counts is how it goes on from there.
    await this.#until(() => capture.log.length > 0, PATIENCE);
    await this.#until(() => this.#isSubscribed, START_PATIENCE);
  }

  async kill(): Promise<void> {
    const run = this.#run;
    run.until = this.server.now();
    run.ending = 'kill';
    await run.capture.kill();
  }

  /** Stops the capture. Nothing is under way then: what happened before has arrived, or never will. */
  async stop(): Promise<void> {
    const run = this.#run;
    this.#isQuiet = true;
    if (this.#isWhole) await this.#roundTrip();
    else await sleep(300);
    run.until = this.server.now();
    run.code = await run.capture.stop();
    this.#isQuiet = false;
  }

  /** Brings everything to its end; returns when the capture has been stopped. */
  async finish(): Promise<void> {
    if (this.scenario.ending === 'cut off') await this.#cutOff();
    else {
      this.#isQuiet = true;
      await this.#recovered();
    }
    await this.stop();
    clearInterval(this.#traffic);
  }

  async close(): Promise<void> {
    clearInterval(this.#traffic);
    const run = this.runs.at(-1);
    if (run && !run.capture.hasEnded) await run.capture.kill();
    await this.server.close();
  }

  /**
   * Cuts everything for good; returns when the capture has noticed it, which a busy machine may keep from its work for
   * seconds: it then knocks again.
   */
  async #cutOff(): Promise<void> {
    const { server } = this;
    server.faults.refuseConnects(10_000);
    const { refusedConnects } = server;
    server.drop();
    await this.#until(() => server.refusedConnects > refusedConnects, PATIENCE);
    await sleep(300);
  }

  /** Trades and quotes once per symbol until all of that arrives: then everything is subscribed and nothing is under way. */
  async #recovered(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    // A busy machine, or a crowd that is repaired, takes longer than one round trip usually does.
    for (let within = ROUND_TRIP; !(await this.#roundTrip(within)); within = Math.min(2 * within, LONGEST_ROUND_TRIP))
      if (Date.now() > deadline) throw new Error(this.#describe('capture does not recover'));
  }

  async #roundTrip(within = ROUND_TRIP): Promise<boolean> {
    const { capture } = this.#run;
    for (const session of this.server.connections) session.release();
    // A change that was lost is noticed by the next one.
    for (const symbol of this.symbols) this.server.requote(this.market, symbol);
    const sent = this.symbols.flatMap((symbol) => this.server.trade(this.market, symbol).map(({ id }) => ({ symbol, id })));
    return this.#until(() => sent.every(({ symbol, id }) => capture.hasPrinted(symbol, id)) && this.#hasBooks(), within);
  }

  /** Whether the capture knows the last state of every book that it was sent. */
  #hasBooks(): boolean {
    const { server, market, scenario } = this;
    if (!scenario.channels.includes('book_delta')) return true;
    const topics = server.subscribed.map(({ topic }) => topic).filter(({ hasDeltas }) => hasDeltas);
    return topics.every(({ symbol, channel }) => {
      const last = server.books(market, symbol, channel).at(-1);
      return last === undefined || this.capture.hasPrintedBook(symbol, last.sequence);
    });
  }

  get #isSubscribed(): boolean {
    return this.symbols.every((symbol) => this.server.subscribers(this.market, symbol).length > 0);
  }

  get #isWhole(): boolean {
    const { server, market, symbols } = this;
    return symbols.every((symbol) => {
      const sessions = server.subscribers(market, symbol);
      return sessions.length > 0 && sessions.every(({ brokenAt }) => brokenAt === Number.POSITIVE_INFINITY);
    });
  }

  async #until(holds: () => boolean, milliseconds: number): Promise<boolean> {
    const deadline = Date.now() + milliseconds;
    while (!holds()) {
      if (Date.now() > deadline) return false;
      if (this.#run.capture.hasEnded) throw new Error(this.#describe('the capture has ended by itself'));
      await sleep(5);
    }
    return true;
  }

  #describe(what: string): string {
    return `${what}\n${JSON.stringify(this.scenario)}\n${this.capture.log.slice(-30).join('\n')}`;
  }

  #beat(): void {
    if (this.#isQuiet) return;
    const hasTickers = this.scenario.channels.includes('ticker');
    for (const [at, symbol] of this.symbols.entries()) {
      const chance = ((this.scenario.rates[at] ?? 0) * BEAT) / 1_000;
      if (this.random() < chance) this.server.trade(this.market, symbol);
      if (this.random() < chance) this.server.requote(this.market, symbol);
      if (hasTickers && this.random() < chance) this.server.ticker(this.market, symbol);
    }
  }
}

function environmentOf({
  exchange: id,
  market,
  channelsPerConnection,
  rotateAfter,
  queueRecords,
}: Scenario): Record<string, string> {
  const paced = { connectTimeout: 5_000, silenceLimit: SILENCE_LIMIT, heartbeatEvery: 200, rotateAfter };
  return {
    ...pacingVariables(id, market, TIMES, paced),
    ...(id === 'bitget' && { MDTOOL_BITGET_CHANNELS_PER_CONNECTION: String(channelsPerConnection) }),
    MDTOOL_QUEUE_RECORDS: String(queueRecords),
    MDTOOL_AUDIT_EVERY: AUDIT_EVERY,
  };
}
