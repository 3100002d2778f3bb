import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordType } from '../../src/lib/model/records.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const RUN = join(import.meta.dirname, '../../bin/run.js');
const WHICH = '--exchange bybit --market linear --symbols BTCUSDT';
const WINDOWS = 'delta_z=5s,imb_shift=2s,ofi=2s,mark_dev_z=5s,oi_z=2s,realized_vol=5s';
const SENSITIVE = '--gates none --delta-z 0.05 --imb-shift 0 --mark-dev-z 0 --cooldown 1s';

const folder = mkdtempSync(join(tmpdir(), 'live-line-'));
let server: ExchangeServer;
beforeAll(async () => {
  const history = { trades: 6_000, duration: 60 * 3_600_000 };
  server = await startExchangeServer('bybit', { symbols: { linear: 2 }, rate: 60, history, keepBooks: false });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The exchange's own candles go before what comes live, so that the average true range is there from the first row on. */
const LINE = `(
    mdtool backfill ${WHICH} --channels candle --interval 15m --since 51h --store s -o store -o - --quiet
    exec mdtool stream ${WHICH} --channels features --store s -o store -o - --quiet
  ) | tee raw.ndjson | mdtool features - --window ${WINDOWS} 2> features.log | tee rows.ndjson | mdtool signals - ${SENSITIVE} --quiet`;

function startLine(): ChildProcess {
  const script = `set -o pipefail; ${LINE.replaceAll('mdtool ', `node '${RUN}' `).replaceAll('tee ', 'tee -i ')}`;
  const env = { ...process.env, ...server.environment, NODE_NO_WARNINGS: '1' };
  return spawn('bash', ['-c', script], { detached: true, cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
}

const records = (text: string): AnyRecord[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map(decodeRecord);
const linesOf = (file: string, type: RecordType) =>
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`{"type":"${type}"`));

it('stream, features and signals work as one line: signals come live, and a Ctrl-C loses nothing', async () => {
  const line = startLine();
  let out = '';
  line.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = new Promise((resolve) => line.once('close', resolve));
  await expect
    .poll(() => out.split('\n').filter((text) => text.includes('"signal"')).length, { timeout: 150_000 })
    .toBeGreaterThan(1);
  process.kill(-(line.pid as number), 'SIGINT');
  expect(await ended).toBe(0);

  const [raw, given] = [records(readFileSync(join(folder, 'raw.ndjson'), 'utf8')), records(out)];
  const clocks = (list: readonly AnyRecord[]) => list.filter(({ type }) => type === 'clock').map(({ timestamp }) => timestamp);
  expect(clocks(given)).toEqual(clocks(raw));
  const last = Math.max(
    ...raw.filter(({ type }) => type === 'trade' || type === 'book_snapshot').map(({ timestamp }) => timestamp),
  );
  expect(records(linesOf('rows.ndjson', 'features').join('\n')).at(-1)?.timestamp).toBeGreaterThanOrEqual(last);
  for (const record of given) if (record.type === 'signal') expect(record.atr15m).toBeGreaterThan(0);

  // What was stored on the way makes the same rows, where nothing came later than the grace.
  const { code } = await mdtoolHere(['features', '--store', 's', '--window', WINDOWS, '--quiet'], { cwd: folder });
  expect(code).toBe(0);
  const select = `select count(*)::int as n, max(epoch_us("timestamp")) as last from features`;
  const stored = JSON.parse((await mdtoolHere(['query', select, '--store', 's', '--quiet'], { cwd: folder })).stdout);
  expect(stored.n).toBeGreaterThan(5);
  if (/ late \d/.test(readFileSync(join(folder, 'features.log'), 'utf8'))) return;
  const again = await mdtoolHere(['features', '--store', 's', '--window', WINDOWS, '-o', '-', '--rows', 'features', '--quiet'], {
    cwd: folder,
  });
  const rows = again.stdout.split('\n').filter((text) => text.startsWith('{"type":"features"'));
  expect(rows.length).toBe(stored.n);
  // A gap that opens on a busy machine is in the rows of that moment, and mended in the store.
  const gaps = raw.filter((record) => record.type === 'gap').map(({ fromTimestamp, timestamp }) => fromTimestamp ?? timestamp);
  const isBefore = (line: string) => JSON.parse(line).timestamp + 1_000_000 <= Math.min(...gaps);
  const live = linesOf('rows.ndjson', 'features').slice(0, rows.length);
  expect(live.filter(isBefore)).toEqual(rows.filter(isBefore));
}, 240_000);
