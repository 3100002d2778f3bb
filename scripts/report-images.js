#!/usr/bin/env node
// The pictures of the README: reports of a grid and of signals over the recorded month, as headless Chromium shows them.
// Needs chromium (or CHROMIUM=…) and pngquant:  npm run build && node scripts/report-images.js
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CANDLES = 'fixtures/btc-perp-1m-2022-01.csv.gz';
const SIZE = '1180,900';
const MOST_BYTES = 150_000;

const folder = mkdtempSync(join(tmpdir(), 'report-images-'));

/** A breakout rule, so that there is something to see: a close beyond the extreme of the four hours before it. */
function writeSignals(path) {
  const lines = gunzipSync(readFileSync(join(ROOT, CANDLES)))
    .toString()
    .trim()
    .split('\n');
  const [head, ...rows] = lines.map((line) => line.split(','));
  const candles = rows.map((row) => Object.fromEntries(row.map((value, index) => [head[index], value])));
  const signals = [];
  let quietUntil = 0;
  for (let index = 240; index < candles.length; index++) {
    const closes = candles.slice(index - 240, index).map(({ close }) => Number(close));
    const price = Number(candles[index].close);
    const sign = price > Math.max(...closes) * 1.001 ? 1 : price < Math.min(...closes) * 0.999 ? -1 : 0;
    if (sign === 0 || index < quietUntil) continue;
    quietUntil = index + 240;
    signals.push(signalOf(candles[index], price, sign));
  }
  writeFileSync(path, signals.map((signal) => `${JSON.stringify(signal)}\n`).join(''));
}

function signalOf({ exchange, market, symbol, timestamp }, price, sign) {
  const known = Number(timestamp) + 60_000_000;
  return {
    type: 'signal',
    exchange,
    market,
    symbol,
    timestamp: known,
    id: String(known),
    known_timestamp: known,
    side: sign > 0 ? 'buy' : 'sell',
    price,
    stop: price * (1 - sign * 0.01),
    take_profit: price * (1 + sign * 0.02),
    trailing_distance: 0.006,
    trailing_arm: price * (1 + sign * 0.012),
    timeout_seconds: 28_800,
    gates: {},
  };
}

function picture(name, parameters) {
  const [page, raw, target] = [join(folder, `${name}.html`), join(folder, `${name}.png`), join(ROOT, `docs/images/${name}.png`)];
  const limits = ['--tick-size', '0.5', '--lot-size', '0.0001', '--deposit', '1000'];
  const mdtool = [
    join(ROOT, 'bin/run.js'),
    'backtest',
    CANDLES,
    ...parameters,
    ...limits,
    '--quiet',
    '--report',
    page,
    '-o',
    join(folder, `${name}.ndjson`),
  ];
  execFileSync(process.execPath, mdtool, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const chromium = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--virtual-time-budget=4000'];
  execFileSync(
    process.env.CHROMIUM ?? 'chromium',
    [...chromium, `--window-size=${SIZE}`, `--screenshot=${raw}`, `file://${page}`],
    {
      stdio: 'ignore',
    },
  );
  execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', target, '64', raw]);
  const { size } = statSync(target);
  console.log(`docs/images/${name}.png: ${Math.ceil(size / 1000)} kB`);
  if (size > MOST_BYTES) throw new Error(`docs/images/${name}.png: expected at most ${MOST_BYTES} bytes, was ${size}`);
}

try {
  mkdirSync(join(ROOT, 'docs/images'), { recursive: true });
  picture('report-grid', '--strategy grid --leverage 2 --levels 8 --coverage 12% --multiplier 1.2 --take-profit 1%'.split(' '));
  const signals = join(folder, 'signals.ndjson');
  writeSignals(signals);
  picture('report-signals', [signals, ...'--strategy signals --notional 1000 --leverage 4'.split(' ')]);
} finally {
  rmSync(folder, { recursive: true });
}
