import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChatServer } from '../../support/chat-server.js';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';
import { EXCHANGE_FAULTS } from '../../support/fault-scenarios/faults.js';
import { mdtool } from '../../support/mdtool.js';
import { judgeTrades, rowsOf } from '../../support/outage-soak.js';
import { pacingVariables } from '../../support/pacing-variables.js';
import { pick, seeded } from '../../support/random.js';
import { Daemon, type DaemonFigures } from './daemon.js';
import { type StoreSize, sizeOf } from './store-growth.js';
import { Timer, type TimerFigures } from './timer.js';

/** An hour plays the timers, pauses and limits of a day. */
const TIMES = 24;
const MINUTE = 60_000;
const SYMBOLS = 8;
/** Events a second of each exchange. */
const RATE = 40;
/** An exchange has a fault so often. */
const FAULT_EVERY = (20 * MINUTE) / TIMES;
/** In the first third of the time a process is killed or stopped so often; then memory is measured in peace. */
const KILL_EVERY = 2 * MINUTE;
/** A trade that is on its way when the capture ends belongs to nobody. */
const UNDER_WAY = 2_000;

type Options = {
  readonly hours: number;
  readonly seed: number;
  /** An empty folder. */
  readonly folder: string;
  readonly say: (line: string) => void;
};

/** What ran and what came of it. */
export type Outcome = {
  readonly hours: number;
  readonly times: number;
  readonly daemons: readonly DaemonFigures[];
  readonly timers: readonly TimerFigures[];
  readonly trades: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, unknown>>;
  readonly sizes: readonly StoreSize[];
  readonly faults: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
};

/** Everything that a server with mdtool runs for months: a capture, a grid on paper, alerts and all timers, over one store. */
class World {
  readonly servers: readonly ExchangeServer[];
  readonly chat: ChatServer;
  readonly store: string;
  readonly daemons: readonly Daemon[];
  readonly timers: readonly Timer[];
  readonly metrics: string;
  readonly options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string };

  private constructor(folder: string, servers: readonly ExchangeServer[], chat: ChatServer) {
    this.servers = servers;
    this.chat = chat;
    this.store = join(folder, 'store');
    this.metrics = `127.0.0.1:${randomInt(20_000, 30_000)}`;
    this.options = { env: environmentOf(servers, folder), cwd: folder };
    this.daemons = this.#daemons();
    this.timers = this.#timers();
  }

  static async open(folder: string, seed: number): Promise<World> {
    const chat = await ChatServer.open();
    const servers = await Promise.all(
      ['bitget', 'bybit'].map((id) =>
        startExchangeServer(id, {
          seed,
          symbols: { linear: SYMBOLS },
          strangers: false,
          rate: RATE,
          keepBooks: false,
          timeScale: TIMES,
          history: { trades: 40 * SYMBOLS, duration: 10 * MINUTE },
          // A ping is late when the machine is busy with others, which is not what is tested.
          limits: { pingDeadline: 600_000 },
        }),
      ),
    );
    mkdirSync(join(folder, 'metrics'));
    writeFileSync(
      join(folder, 'mdtool.toml'),
      `store = "store"\nlog_level = "warn"\nmetrics_file = "metrics/{step}.prom"\n\n[notify.sinks.chat]\nkind = "webhook"\nurl = "${chat.url}/soak"\n`,
    );
    return new World(folder, servers, chat);
  }

  daemon(name: string): Daemon {
    return this.daemons.find((daemon) => daemon.name === name) as Daemon;
  }

  #daemons(): Daemon[] {
    const capture = ['--exchange', 'bitget,bybit', '--market', 'linear', '--channels', 'features', '--stats', '60s'];
    const grid = ['--deposit', '1000', '--leverage', '5', '--levels', '5', '--coverage', '1%', '--take-profit', '0.2%'];
    const run = ['paper', '--exchange', 'bybit', '--symbols', 'BTCUSDT', ...grid, '--restart', '1s'];
    return [
      new Daemon('stream', ['stream', ...capture, '--metrics', this.metrics, '--notify'], this.options),
      new Daemon('grid run', ['grid', 'run', ...run, '--max-cycles-per-hour', '1000'], this.options),
      new Daemon('notify run', ['notify', 'run'], this.options),
    ];
  }

  #timers(): Timer[] {
    const often = { ...this.options, every: (5 * MINUTE) / TIMES };
    const seldom = { ...this.options, every: (240 * MINUTE) / TIMES };
    let counted = 0;
    const neverFalls = (stdout: string) => {
      const { n } = JSON.parse(stdout.split('\n')[0] || '{"n":-1}') as { n: number };
      const before = counted;
      counted = n;
      return n < before ? `${n} trades after ${before}` : undefined;
    };
    return [
      new Timer('candles', { ...often, commands: [['candles', '--interval', '1s,1m', '--quiet']] }),
      new Timer('features', { ...often, commands: [['features', '--quiet']] }),
      new Timer('signals', { ...often, commands: [['signals', '--quiet']] }),
      new Timer('query', {
        ...often,
        every: 2 * often.every,
        commands: [['query', 'select count(*)::int as n from trade', '--format', 'ndjson', '--quiet']],
        judge: neverFalls,
      }),
      new Timer('backup', { ...seldom, commands: [['store', 'backup', 'backup', '--quiet']] }),
      new Timer('compact', { ...seldom, commands: [['compact', '--wait', '--quiet']] }),
      new Timer('verify, backfill', {
        ...seldom,
        commands: [
          ['verify', '--since', '2h', '--format', 'ndjson', '--quiet'],
          ['backfill', '-', '--wait', '--quiet'],
        ],
      }),
    ];
  }
}

function environmentOf(servers: readonly ExchangeServer[], folder: string): Readonly<Record<string, string>> {
  const paced = servers.map(({ id }) => pacingVariables(id, 'linear', TIMES, { silenceLimit: 6_000, connectTimeout: 10_000 }));
  const places = servers.map(({ environment }) => environment);
  return Object.assign({ XDG_CONFIG_HOME: folder, MDTOOL_AUDIT_EVERY: '10s' }, ...paced, ...places);
}

/** Plays everything and returns what came of it. */
export async function playEverything({ hours, seed, folder, say }: Options): Promise<Outcome> {
  const world = await World.open(folder, seed);
  const ending = new AbortController();
  const faults: Record<string, number> = {};
  const sizes: StoreSize[] = [];
  const failures: string[] = [];
  // The capture owes what happens from its subscriptions on, and the grid run subscribes one of its symbols, too.
  world.daemon('stream').start();
  while (world.servers.some(({ subscriptions }) => subscriptions < SYMBOLS)) await sleep(100);
  for (const daemon of world.daemons) if (!daemon.isRunning) daemon.start();
  say('everything is subscribed');
  const until = Date.now() + hours * 60 * MINUTE;
  const work = [
    ...world.timers.map((timer) => timer.keep(ending.signal)),
    disturb(world, { seed, faults, signal: ending.signal }),
    watch(world, { sizes, failures, signal: ending.signal, say }),
    restart(world, { until: Date.now() + (until - Date.now()) / 3, signal: ending.signal, say }),
  ];
  await sleep(until - Date.now());
  ending.abort();
  await Promise.all(work);
  const outcome = await conclude(world, failures, say);
  sizes.push(await sizeOf(world.store));
  return { hours, times: TIMES, sizes, faults, ...outcome };
}

type Disturbance = { readonly seed: number; readonly faults: Record<string, number>; readonly signal: AbortSignal };

/** One fault of an exchange after the other. */
async function disturb({ servers }: World, { seed, faults, signal }: Disturbance): Promise<void> {
  const random = seeded(seed);
  const names = Object.keys(EXCHANGE_FAULTS) as (keyof typeof EXCHANGE_FAULTS)[];
  while (await pause(FAULT_EVERY, signal)) {
    const [server, name] = [pick(random, servers), pick(random, names)];
    const symbols = server.market.symbols.map(({ listing }) => listing.symbol);
    const burst = (trades: number) => {
      for (let made = 0; made < trades; made++) server.trade('linear', pick(random, symbols));
    };
    faults[name] = (faults[name] ?? 0) + 1;
    await EXCHANGE_FAULTS[name]({ server, market: 'linear', symbols, random, burst, pass: (ms) => sleep(ms) });
  }
}

type Watching = {
  readonly sizes: StoreSize[];
  readonly failures: string[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

/** Measures the store and reads the metrics of the capture once a minute. */
async function watch(world: World, { sizes, failures, signal, say }: Watching): Promise<void> {
  for (let minute = 1; await pause(MINUTE, signal); minute++) {
    const size = await sizeOf(world.store);
    sizes.push(size);
    const text = await fetch(`http://${world.metrics}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    );
    const isUp = world.daemon('stream').isRunning;
    if (isUp && !text.includes('mdtool_store_bytes')) say('the capture serves no metrics at this moment');
    const { memory } = world.daemon('stream').figures();
    const found = [...world.daemons, ...world.timers].reduce((sum, { failures }) => sum + failures.length, failures.length);
    if (minute % 5 === 0)
      say(`minute ${minute}: ${(size.bytes / 1e6).toFixed(1)} MB, stream ${memory.late.toFixed(0)} MB, ${found} failures`);
  }
}

/** Kills and stops the processes in turn. */
async function restart(world: World, { until, signal, say }: Omit<Watching, 'sizes' | 'failures'> & { until: number }) {
  for (let turn = 0; Date.now() + KILL_EVERY < until && (await pause(KILL_EVERY, signal)); turn++) {
    const daemon = world.daemons[turn % world.daemons.length] as Daemon;
    const ending = turn % 4 === 3 ? 'stop' : 'kill';
    say(`${ending}: ${daemon.name}`);
    if (!daemon.isRunning) continue;
    await daemon.end(ending);
    daemon.start();
  }
}

/** Stops everything, brings the store up to date, and holds it to what the exchanges know. */
async function conclude(world: World, failures: string[], say: Options['say']) {
  const { servers, store, daemons, timers, chat, options } = world;
  for (const server of servers) for (const session of server.connections) session.release();
  await sleep(10_000);
  const until = Date.now() - UNDER_WAY;
  for (const daemon of daemons) await daemon.end('stop');
  say('stopped; the last run of each timer');
  // The timer of the repairs is the last: a candle that was built before a repair would differ from its trades.
  for (const timer of timers.toReversed()) await timer.run();
  const { examples, ...trades } = await judgeTrades(servers, store, until);
  const broken = servers.flatMap(({ violations }) => violations).filter(({ rule }) => !rule.endsWith('while-banned'));
  const [[candles, wrong] = []] = await rowsOf(store, CANDLES);
  const verified = await mdtool(['verify', '--format', 'ndjson', '--quiet'], options);
  const status = await mdtool(['grid', 'status', 'paper', '--json'], options);
  if (trades.silent > 0) failures.push(`${trades.silent} trades are lost in silence: ${examples.join('; ')}`);
  if (trades.doubled > 0) failures.push(`${trades.doubled} trades are stored twice`);
  if (Number(wrong) > 0) failures.push(`${wrong} of ${candles} candles differ from the stored trades`);
  for (const { rule, detail } of broken) failures.push(`broken rule: ${rule}: ${detail}`);
  for (const { failures: own } of [...daemons, ...timers]) failures.push(...own);
  const counts = {
    'candles of 1m compared with their trades, different': `${candles}, ${wrong}`,
    'rows of features': (await rowsOf(store, 'select count(*)::int from features'))[0]?.[0],
    'verdicts of verify': verdictsOf(verified.stdout),
    'state of the grid run': gridOf(status.stdout),
    'messages delivered': chat.seen.length,
    'rules of the exchanges broken': broken.length,
  };
  await Promise.all([chat.close(), ...servers.map((server) => server.close())]);
  return { daemons: daemons.map((one) => one.figures()), timers: timers.map((one) => one.figures()), trades, counts, failures };
}

/** Candles whose number of trades or volume is not that of the trades in the store. */
const CANDLES = `with truth as (
  select exchange, symbol, time_bucket(interval '1 minute', timestamp) as timestamp, count(*) as n, sum(amount) as volume
  from trade group by all)
select count(*)::int, (count(*) filter (where t.n is distinct from c.trades or abs(t.volume - c.volume) > 1e-9 * c.volume))::int
from candle_1m c left join truth t using (exchange, symbol, timestamp) where c.closed and c.trades > 0`;

function verdictsOf(ndjson: string): string {
  const counts: Record<string, number> = {};
  for (const line of ndjson.split('\n').filter(Boolean)) {
    const { verdict, channel } = JSON.parse(line) as { verdict: string; channel: string };
    const key = verdict === 'whole' ? 'whole' : `${verdict} ${channel}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return Object.entries(counts)
    .map(([key, count]) => `${key} ${count}`)
    .join(', ');
}

function gridOf(json: string): string {
  try {
    const { data } = JSON.parse(json) as { data: Record<string, unknown>[] };
    const shown = ['state', 'cycles', 'cycles_done', 'cycle', 'fills', 'filled', 'realized_pnl', 'realised', 'failures'];
    return JSON.stringify(Object.fromEntries(Object.entries(data[0] ?? {}).filter(([key]) => shown.includes(key))));
  } catch {
    return json.slice(0, 200);
  }
}

/** Waits; returns false when it is over. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(milliseconds, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
