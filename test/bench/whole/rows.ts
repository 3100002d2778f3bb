import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { baseline, mdtool, measured, type NodeCommand, whyNoPandas } from './measure.js';

/** One job: mdtool beside what a user would pick instead. */
export type Row = {
  readonly name: string;
  /** What the other side is. */
  readonly against: string;
  /** The greatest wanted ratio of processor times. */
  readonly goal: number;
  readonly mdtool: NodeCommand;
  readonly baseline: NodeCommand;
  /** Returns why the other side cannot run here. */
  readonly missing?: () => string | undefined;
  /** Makes what the row reads, once, from the data of all rows. */
  readonly setup?: (folder: string) => void;
  /** Removes what a run of mdtool has left, before the next one. */
  readonly reset?: (folder: string) => void;
  /** Throws when the two results differ; gets their stdout. */
  readonly compare?: (results: {
    readonly mdtool: string;
    readonly baseline: string;
    readonly folder: string;
  }) => Promise<void> | void;
};

const SQL = 'DuckDB SQL, right on ties';
const LOOP = 'loop over columns read by DuckDB';
const SCRIPT = 'script with JSON.parse and JSON.stringify';

const DAY = ['trade', 'book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding'].map((type) => `day-${type}.parquet`);
/** In the order of `features.py`. */
const FEATURES =
  'delta_z cvd imb_shift ofi microprice_dev_bps mark_dev_z oi_z atr15m atr15m_pct realized_vol basis_bps funding_rate spread_bps';

const GRID =
  '--levels 8 --coverage 10% --multiplier 1.1 --take-profit 1% --restart 1m --deposit 10000 --leverage 2 --tick-size 0.01 --lot-size 0.001 --maker-fee 0.02% --taker-fee 0.06% --latency 0s'.split(
    ' ',
  );
const SUMS = 'count(*)::INTEGER as trades, max(price) as highest, max(amount) as largest';
const REPLAY = (output: string, ...more: string[]) =>
  mdtool('stream', '--replay', 'tape.ndjson', '--channels', 'trade', '-o', output, ...more);

export const ROWS: readonly Row[] = [
  candles('candles 1m, Parquet', 'trades.parquet', 60, 1.15),
  candles('candles 1s, Parquet', 'trades.parquet', 1, 1.15),
  candles('candles 1m, CSV.gz', 'trades.csv.gz', 60, 2),
  candles('candles 1m, NDJSON', 'trades.ndjson', 60, 1.6),
  {
    name: 'features of a symbol-day, Parquet',
    against: 'pandas, from flat CSV',
    goal: 1,
    mdtool: mdtool('features', ...DAY, '--rows', 'features', '-o', 'own.parquet', '--force'),
    baseline: [join(import.meta.dirname, 'baselines/features.py'), '.', 'their.f64'],
    missing: whyNoPandas,
    compare: ({ folder }) => compareFeatures(folder),
  },
  {
    name: 'signals of a symbol-day, Parquet',
    against: 'one SQL statement',
    goal: 2.5,
    setup: (folder) =>
      void measured(mdtool('features', ...DAY, '--rows', 'features', '-o', 'features.parquet', '--force'), folder),
    mdtool: mdtool('signals', 'features.parquet', '--gates', 'spread', '--cooldown', '0s', '--format', 'ndjson'),
    baseline: baseline('signals', 'features.parquet'),
    compare: ({ mdtool, baseline }) => requireEqual('signals', signalsIn(mdtool), signalsIn(baseline)),
  },
  backtest('backtest of a cross, candles CSV', 'candles.csv', 1.5),
  backtest('backtest of a cross, candles Parquet', 'candles.parquet', 2),
  {
    name: 'backtest of a grid, trades of 4 symbols, Parquet',
    against: LOOP,
    goal: 2.5,
    mdtool: mdtool('backtest', 'trades.parquet', '--strategy', 'grid', ...GRID, '--json'),
    baseline: baseline('grid', 'trades.parquet'),
    compare: compareGrids,
  },
  {
    name: 'query: one symbol of a store',
    against: 'DuckDB from Node on the files',
    goal: 1.4,
    setup: (folder) => void measured(REPLAY('store', '--store', 'queried'), folder),
    mdtool: mdtool('query', `select ${SUMS} from trade where symbol = 'SYM7USDT'`, '--format', 'ndjson', '--store', 'queried'),
    baseline: baseline('query', `select ${SUMS} from 'queried/trade/**/*.parquet' where symbol = 'SYM7USDT'`),
    compare: ({ mdtool, baseline }) => requireEqual('sums', mdtool.trim(), baseline.trim()),
  },
  {
    name: 'query: select 1',
    against: 'DuckDB from Node',
    goal: 1.8,
    mdtool: mdtool('query', 'select 1 as one', '--format', 'ndjson', '--store', 'data'),
    baseline: baseline('query', 'select 1 as one'),
    compare: ({ mdtool, baseline }) => requireEqual('one row', mdtool.trim(), baseline.trim()),
  },
  {
    name: 'help of a command',
    against: 'bare node',
    goal: 3,
    mdtool: mdtool('candles', '--help'),
    baseline: baseline('nothing'),
  },
  {
    name: 'verify of book deltas in a store',
    against: 'books by sorted arrays, read by DuckDB',
    goal: 1.5,
    setup: (folder) => {
      const files = ['books-book_snapshot.parquet', 'books-book_delta.parquet'];
      measured(mdtool('import', ...files, '-o', 'store', '--store', 'books', '--quiet'), folder);
    },
    mdtool: mdtool('verify', '--store', 'books', '--channels', 'book_delta', '--format', 'ndjson'),
    baseline: baseline('books', 'books'),
    compare({ mdtool, baseline }) {
      const days = mdtool
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { records: number; verdict: string });
      const deltas = days.reduce((sum, { records }) => sum + records, 0);
      const others = days.filter(({ verdict }) => verdict !== 'whole').length;
      requireEqual('deltas', JSON.stringify({ deltas, broken: others, crossed: others }), baseline.trim());
    },
  },
  replay('NDJSON', 0.7, 'own.ndjson', '--force'),
  replay('Parquet', 0.7, 'own.parquet', '--force'),
  replay('store', 1.2, 'store', '--store', 'replayed'),
  importOf('Parquet', 'trades.parquet'),
  importOf('CSV.gz', 'import.csv.gz', (folder) => {
    spawnSync(process.execPath, [...baseline('import-data', 'import.csv.gz')], { cwd: folder, stdio: ['ignore', 2, 2] });
  }),
];

function importOf(format: string, path: string, setup?: (folder: string) => void): Row {
  return {
    name: `import of own trades, ${format}`,
    against: 'COPY by DuckDB into one Parquet file',
    goal: 2,
    ...(setup && { setup }),
    reset: (folder) => rmSync(join(folder, 'imported'), { recursive: true, force: true }),
    mdtool: mdtool('import', path, '-o', 'store', '--store', 'imported', '--quiet'),
    baseline: baseline('copy', path, 'their.parquet'),
    compare: ({ folder }) => compareTrades(join(folder, 'imported/trade/**/*.parquet'), join(folder, 'their.parquet')),
  };
}

/** Both sides must have the same trades, in all of their columns: as many, whose hashes have the same sum. */
async function compareTrades(own: string, their: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const described = await connection.runAndReadAll(`SELECT typeof(timestamp) FROM '${their}' LIMIT 1`);
  const isText = described.getRows()[0]?.[0] !== 'TIMESTAMP WITH TIME ZONE';
  const sum = async (path: string, timeOf: (name: string) => string) => {
    const columns = [
      timeOf('timestamp'),
      timeOf('local_timestamp'),
      'exchange, market, symbol, id, price, amount, side, sequence',
    ];
    const reader = await connection.runAndReadAll(
      `SELECT count(*) || ' trades of ' || sum(hash(${columns.join(', ')})) FROM read_parquet('${path}', hive_partitioning = false)`,
    );
    return String(reader.getRows()[0]?.[0]);
  };
  requireEqual(
    'trades',
    await sum(own, (name) => name),
    await sum(their, (name) => (isText ? `make_timestamptz(${name})` : name)),
  );
  connection.closeSync();
  instance.closeSync();
}

function replay(target: string, goal: number, output: string, ...more: string[]): Row {
  return {
    name: `replay of a tape to ${target}`,
    against: SCRIPT,
    goal,
    reset: (folder) => rmSync(join(folder, 'replayed'), { recursive: true, force: true }),
    mdtool: REPLAY(output, ...more),
    baseline: baseline('replay', 'tape.ndjson', 'their.ndjson'),
    async compare({ folder }) {
      const own = target === 'NDJSON' ? tradesIn(join(folder, output)) : await tradesOf(folder, target);
      requireEqual('trades', own, tradesIn(join(folder, 'their.ndjson')));
    },
  };
}

function candles(name: string, path: string, seconds: number, goal: number): Row {
  const interval = seconds === 60 ? '1m' : `${seconds}s`;
  return {
    name,
    against: SQL,
    goal,
    mdtool: mdtool('candles', path, '--interval', interval, '-o', 'own.parquet', '--force'),
    baseline: baseline('candles', path, String(seconds), 'their.parquet'),
    compare: ({ folder }) => compareCandles(folder),
  };
}

function backtest(name: string, path: string, goal: number): Row {
  const strategy = join(import.meta.dirname, 'strategy-cross.mjs');
  const account = ['--deposit', '10000', '--leverage', '2', '--lot-size', '0.000001', '--taker-fee', '0.06%'];
  return {
    name,
    against: LOOP,
    goal,
    // The metrics of a run: the loop counts its fills too, and prints none of them.
    mdtool: mdtool('backtest', path, '--strategy', strategy, ...account, '--json', '--limit', '1'),
    baseline: baseline('cross', path),
    compare({ mdtool, baseline }) {
      const own = JSON.parse(mdtool).data[0];
      const their = JSON.parse(baseline) as { equity: number; fills: number };
      const { fills, final_equity: equity } = own.metrics;
      requireEqual('fills', fills, their.fills);
      if (Math.abs(equity - their.equity) > 1e-9 * their.equity) throw new Error(`final equity ${equity} and ${their.equity}`);
    },
  };
}

/** Prices and counts must be the same numbers, sums the same to 1e-12: the statement adds as DuckDB does. */
async function compareCandles(folder: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const [own, their] = ['own', 'their'].map((name) => `'${join(folder, `${name}.parquet`)}'`);
  const equal = ['open', 'high', 'low', 'close', 'trades'].map((name) => `a.${name} IS NOT DISTINCT FROM b.${name}`);
  const near = ['volume', 'turnover', 'buy_volume'].map((name) => `abs(a.${name} - b.${name}) <= 1e-12 * abs(b.${name})`);
  const reader = await connection.runAndReadAll(
    `SELECT count(*)::INTEGER AS candles, count(*) FILTER (WHERE (${[...equal, ...near].join(' AND ')}) IS NOT TRUE)::INTEGER AS others
     FROM ${own} a FULL JOIN ${their} b USING (exchange, market, symbol, timestamp)`,
  );
  const [row] = reader.getRowObjects();
  if (Number(row?.candles) === 0 || Number(row?.others) !== 0)
    throw new Error(`${row?.others} of ${row?.candles} candles differ`);
}

/** Each value must be there on both sides or on none, and be the same to 1e-6. */
async function compareFeatures(folder: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const names = FEATURES.split(' ');
  const values = names.map((name) => `coalesce(${name}, 'nan'::DOUBLE)`);
  const file = `'${join(folder, 'own.parquet')}'`;
  const reader = await connection.runAndReadAll(`SELECT ${values.join(', ')} FROM ${file} ORDER BY timestamp`);
  const bytes = readFileSync(join(folder, 'their.f64'));
  const their = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  for (const [index, column] of reader.getColumns().entries()) {
    const own = column as number[];
    requireEqual(`rows of ${names[index]}`, own.length, their.length / names.length);
    const others = own.filter((value, row) => {
      const other = their[index * own.length + row] as number;
      return !Object.is(value, other) && !(Math.abs(value - other) <= 1e-6 * Math.max(1, Math.abs(other)));
    });
    requireEqual(`values of ${names[index]}`, others.length, 0);
  }
}

/** Of each symbol the final equity, to the last digit, and the number of fills. */
function compareGrids({ mdtool, baseline }: { readonly mdtool: string; readonly baseline: string }): void {
  const runs = (JSON.parse(mdtool).data as { type: string; metrics: Record<string, number> }[]).filter(
    ({ type }) => type === 'run',
  );
  const own = runs.map(({ metrics }) => `${metrics.final_equity} ${metrics.fills}`);
  const their = (JSON.parse(baseline) as { equity: number; fills: number }[]).map(({ equity, fills }) => `${equity} ${fills}`);
  requireEqual('grids', own.join(), their.join());
}

const TRADE = ['symbol', 'timestamp', 'id', 'price', 'amount', 'side'] as const;

function tradesIn(path: string): string {
  const trades = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"type":"trade"'))
    .map((line) => JSON.parse(line));
  return tradeLines(trades);
}

/** The trades of a Parquet file, or of the files of a store. */
async function tradesOf(folder: string, target: string): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const files = target === 'Parquet' ? 'own.parquet' : 'replayed/trade/**/*.parquet';
  const columns = TRADE.map((name) => (name === 'timestamp' ? 'epoch_us(timestamp)::DOUBLE AS timestamp' : name));
  const reader = await connection.runAndReadAll(`SELECT ${columns.join(', ')} FROM '${join(folder, files)}'`);
  return tradeLines(reader.getRowObjects());
}

function tradeLines(trades: readonly Record<string, unknown>[]): string {
  return trades
    .map((trade) => TRADE.map((name) => trade[name]).join())
    .sort()
    .join('\n');
}

/** The time and side of each signal; a tenth of a day, too short for the ATR, has none. */
function signalsIn(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ timestamp, side }) => `${timestamp} ${side}`)
    .join();
}

function requireEqual(what: string, own: unknown, their: unknown): void {
  if (own !== their) throw new Error(`${what} differ: ${String(own).slice(0, 80)} and ${String(their).slice(0, 80)}`);
}
