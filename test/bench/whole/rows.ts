import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { baseline, mdtool, type NodeCommand, whyNoPandas } from './measure.js';

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
  /** Throws when the two results differ; gets their stdout. */
  readonly compare?: (results: {
    readonly mdtool: string;
    readonly baseline: string;
    readonly folder: string;
  }) => Promise<void> | void;
};

const SQL = 'DuckDB SQL, right on ties';
const LOOP = 'loop over columns read by DuckDB';

const DAY = ['trade', 'book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding'].map((type) => `day-${type}.parquet`);
/** In the order of `features.py`. */
const FEATURES =
  'delta_z cvd imb_shift ofi microprice_dev_bps mark_dev_z oi_z atr15m atr15m_pct realized_vol basis_bps funding_rate spread_bps';

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
  backtest('backtest of a cross, candles CSV', 'candles.csv', 1.5),
  backtest('backtest of a cross, candles Parquet', 'candles.parquet', 2),
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
    name: 'replay of a tape to NDJSON',
    against: 'script with JSON.parse and JSON.stringify',
    goal: 0.7,
    mdtool: mdtool('stream', '--replay', 'tape.ndjson', '--channels', 'trade', '-o', 'own.ndjson', '--force'),
    baseline: baseline('replay', 'tape.ndjson', 'their.ndjson'),
    compare: ({ folder }) => requireEqual('trades', tradesIn(join(folder, 'own.ndjson')), tradesIn(join(folder, 'their.ndjson'))),
  },
];

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
    mdtool: mdtool('backtest', path, '--strategy', strategy, ...account, '--json'),
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

function tradesIn(path: string): string {
  const trades = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"type":"trade"'))
    .map((line) => JSON.parse(line))
    .map(({ symbol, timestamp, id, price, amount, side }) => [symbol, timestamp, id, price, amount, side].join());
  return trades.sort().join('\n');
}

function requireEqual(what: string, own: unknown, their: unknown): void {
  if (own !== their) throw new Error(`${what} differ: ${String(own).slice(0, 80)} and ${String(their).slice(0, 80)}`);
}
