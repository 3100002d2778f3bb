/**
 * Import of trades into a store against DuckDB's own `COPY … FROM` of the same file into one Parquet file, CPU time of whole
 * processes: CSV.gz in the layout of a Bybit archive, and Parquet.
 *
 *   npm run build && node --import tsx test/bench/import.bench.ts [trades, default 2,000,000]
 *
 * Foreign files only; `npm run bench -- --only import` has rows of own ones. Figures stand in `docs/performance.md`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/lib/storage/database/duckdb.js';
import { ROOT } from '../support/mdtool.js';

const trades = Number(process.argv[2] ?? 2_000_000);
const folder = mkdtempSync(join(tmpdir(), 'mdtool-import-bench-'));
const csv = join(folder, 'BTCUSDT2024-06-01.csv.gz');
const parquet = join(folder, 'trades.parquet');

/** CPU seconds (user and system) of a process. */
function cpuOf(args: readonly string[]): number {
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null', '-', process.execPath, ...args],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
  const [user = 0, system = 0] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return user + system;
}

const copy = (path: string) => `
  import { createRequire } from 'node:module';
  const { DuckDBInstance } = createRequire(${JSON.stringify(join(ROOT, 'package.json'))})('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  await connection.run("COPY (FROM '${path}') TO '${join(folder, 'copy.parquet')}' (FORMAT parquet)");`;

try {
  const database = await Database.open();
  await database.run(
    `CREATE TABLE t AS SELECT range AS n, printf('%.4f', 1717200000 + range * 80000.0 / ${trades}) AS time FROM range(${trades})`,
  );
  const columns = `time AS timestamp, 'BTCUSDT' AS symbol, CASE WHEN hash(n) % 2 = 0 THEN 'Buy' ELSE 'Sell' END AS side,
    round(0.001 + hash(n * 7) % 1000 / 1000.0, 3) AS size, round(67000 + sin(n / 1e4) * 500, 1) AS price, 'ZeroPlusTick' AS "tickDirection",
    uuid() AS "trdMatchID", 1.5 AS "grossValue", 2.5 AS "homeNotional", 3.5 AS "foreignNotional"`;
  await database.run(`COPY (SELECT ${columns} FROM t) TO '${csv}' (FORMAT csv, COMPRESSION gzip)`);
  await database.run(
    `COPY (SELECT * REPLACE (time::DOUBLE AS time) FROM (SELECT ${columns.replace('time AS timestamp', 'time')} FROM t)) TO '${parquet}' (FORMAT parquet)`,
  );
  await database.close();
  for (const [name, path, flags] of [
    ['CSV.gz', csv, []],
    ['Parquet', parquet, ['--exchange', 'bybit', '--market', 'linear', '--as', 'trade', '--columns', 'timestamp=time']],
  ] as const) {
    const own = cpuOf([join(ROOT, 'bin/run.js'), 'import', path, ...flags, '-o', 'store', '--store', name, '--quiet']);
    const theirs = cpuOf(['--input-type=module', '-e', copy(path)]);
    console.log(`${name}: import ${own.toFixed(1)} s, COPY ${theirs.toFixed(1)} s of CPU: ${(theirs / own).toFixed(2)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
