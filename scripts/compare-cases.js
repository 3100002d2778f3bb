// The command lines that compare.js runs with two versions: bash in which `mdtool` is the version under test. They share a
// folder and run in this order, so that later ones read what earlier ones wrote.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { globSync } from 'tinyglobby';
import { OUTPUT, STEPS } from './demo-steps.js';

const BYBIT = 'fixtures/bybit-v5.tape.ndjson.gz';
const BITGET = 'fixtures/bitget-v2.tape.ndjson.gz';
const MONTH = 'fixtures/btc-perp-1m-2022-01.csv.gz';
const BOTH = 'trade,ticker,book,book_delta,candle';
const BOOKS = ['book_snapshot', 'book_delta'];
const TAPED = ['trade', 'ticker', 'mark_price', 'open_interest', 'funding', 'candle'];
const STEPS_WRITE = ['micro', 'features', 'signal', 'fill', 'equity', 'run'];
const GRID = '--strategy grid --leverage 3 --levels 6 --coverage 12% --tick-size 0.5 --lot-size 0.0001';

/** Small inputs that no fixture has, by name. */
export const INPUTS = {
  'inputs/BTCUSDT2026-03-01.csv': `timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional
1772323200.1234,BTCUSDT,Buy,0.004,66000.5,PlusTick,a-1,0,0.004,264.002
1772323200.1234,BTCUSDT,Sell,0.010,66000.4,MinusTick,a-2,0,0.010,660.004
1772323275.5000,BTCUSDT,Sell,0.250,65990.0,MinusTick,a-3,0,0.250,16497.5
`,
  'inputs/malformed.ndjson': `{"type":"trade","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":1772323200000000,"id":"1","price":66000,"amount":1,"side":"buy"}
{"type":"trade","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":17723232
{"type":"trade","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":1772323201000000,"id":"3","price":-5,"amount":1,"side":"sell"}
`,
};

/** Returns a query for every row of each type, all in one process: the columns of a type that others lack are absent. */
function everyRow(store, types) {
  const rows = types.map((type) => `select * from ${type}`).join(' union all by name ');
  return `mdtool query 'select * from (${rows}) order by all' --store ${store}`;
}

/** Records instead of tables, whose wording may change. compare.js runs the one program of the demo, which makes an input. */
const demo = STEPS.flatMap(({ command }) => (command ? `mdtool ${command.replace('--format table', '--format ndjson')}` : []));

const tapes = [
  `mdtool stream --replay ${BYBIT} --channels ${BOTH},liquidation -o - -o 'bybit-{type}.csv' -o 'bybit-{type}.parquet'`,
  `mdtool stream --replay ${BITGET} --channels ${BOTH} -o - -o 'bitget-{type}.csv' -o 'bitget-{type}.parquet'`,
  `gunzip -c ${BITGET} | mdtool stream --replay - --channels trade,book --depth 5 --book-interval 2s -o 'bitget.ndjson.gz'`,
  `mdtool stream --replay ${BYBIT},${BITGET} --symbols BTCUSDT,UNIUSDT_UMCBL --market linear --count 40 --json -o both.ndjson`,
];

const pipelines = [
  `mdtool stream --replay ${BYBIT} -o - | mdtool candles - --interval 1s,15s`,
  `mdtool stream --replay ${BITGET} -o - | mdtool candles - --interval 5s --empty flat --open previous-close --format csv`,
  `mdtool stream --replay ${BYBIT} --channels features -o - | mdtool features - --window delta_z=10s,imb_shift=5s,mark_dev_z=10s | mdtool signals - --gates none --delta-z 0.1 --imb-shift 0.01 --mark-dev-z 0 --cooldown 5s`,
  `mdtool stream --replay ${BYBIT} --channels features -o bybit.ndjson`,
  "mdtool features bybit.ndjson --window delta_z=10s,imb_shift=5s -o 'features-{type}.csv' -o -",
  `mdtool signals ${OUTPUT}/features.parquet --explain -o signals.ndjson`,
  `gunzip -c ${MONTH} | head -n 4500 > days.csv`,
  `gunzip -c ${OUTPUT}/market.ndjson.gz | tail -n 15000 > hour.ndjson`,
  'mdtool candles days.csv --source exchange --interval 1h,1d -o hours.csv -o hours.parquet -o - --svg hours.svg',
  'mdtool candles hours.parquet hours.csv --source exchange --interval 1w',
  'mdtool candles bybit-trade.csv bitget.ndjson.gz --interval 10s',
  'mdtool candles bybit-trade.parquet bitget-trade.parquet --interval 10s --symbols BTCUSDT --format table --plot',
  'mdtool candles inputs/malformed.ndjson',
  'cat inputs/malformed.ndjson | mdtool candles - --json',
  'mdtool candles missing.ndjson',
  'mdtool backfill inputs/BTCUSDT2026-03-01.csv --exchange bybit --market linear -o -',
  'mdtool backtest hour.ndjson signals.ndjson --strategy signals --format ndjson --report signals.html',
  `mdtool backtest days.csv ${GRID} --deposit 1000 --equity-interval 1h --format ndjson`,
  `mdtool backtest days.csv ${GRID} --sweep multiplier=1.1:1.3:0.1 --walk-forward 2d/1d --json`,
  'mdtool backtest days.csv --strategy examples/breakout.js --param length=30 --until 2022-01-03 -o store --store tests --json',
  everyRow('tests', ['fill', 'equity', 'run']),
  'mdtool grid plan --price 0.5 --deposit 10 --format ndjson',
  'mdtool grid plan --price 84000 --deposit 1000 --leverage 2 --levels 8 --coverage 15% --side short --spacing geometric --sizing full --margin-mode cross --tick-size 0.1 --lot-size 0.001 --min-notional 5 --maker-fee 0.01%',
  'mdtool grid plan --price 0.5 --deposit 10 --solve leverage --json',
  'mdtool stream --replay fixtures/bybit-v5.tape.ndjson.gz --no-such-flag',
  'mdtool symbol',
  'mdtool backtest days.csv --strategy signals --levels 5',
  `mdtool stream --replay ${BITGET} --channels liquidation`,
  `mdtool stream --replay ${BYBIT} --exchange bitget`,
  `mdtool symbols --replay ${BYBIT} --market linear --symbols BTCUSTD`,
  `mdtool symbols --replay ${BYBIT} --market linear --symbols BTC/USDT:USDT,bybit:linear:ETHUSDT,SOLUSDT_UMCBL --notation canonical`,
  `mdtool symbols --replay ${BYBIT} --market spot --match '^(BTC|ETH)' --notation ccxt --format csv`,
  `mdtool symbols --replay ${BYBIT} --market linear --quote all --kind all --status all --notation legacy --json`,
];

const tapeStore = [
  `mdtool stream --replay ${BYBIT},${BITGET} --channels ${BOTH} -o store --store tapes`,
  'mdtool query --store tapes',
  everyRow('tapes', TAPED),
  everyRow('tapes', BOOKS),
  'mdtool candles --store tapes --interval 1s,1m -o store -o -',
  "mdtool query 'select * from candle_1s order by all' --store tapes --since 2026-01-01 --symbols BTCUSDT --format csv -o seconds.csv",
  'mdtool features --store tapes',
  everyRow('tapes', ['candle', 'micro', 'features']),
  'mdtool compact --store tapes --json',
  'mdtool verify --store tapes --json',
  "mdtool query 'select exchange, $side as side, count(*) as trades from trade where side = $side group by all order by all' --param side=buy --store tapes --market linear",
  "mdtool query 'select * from trades' --store tapes",
];

/** A frame of a book is taken out: a gap. Twice, so that `compact` has something to merge and to drop. */
const gapStore = [
  `gunzip -c ${BYBIT} | sed 650d > lost-frame.ndjson`,
  'mdtool stream --replay lost-frame.ndjson --channels trade,book,book_delta -o store --store gaps',
  'mdtool stream --replay lost-frame.ndjson --channels book,ticker -o store --store gaps',
  'mdtool backfill inputs/BTCUSDT2026-03-01.csv --exchange bybit --market linear --store gaps',
  'mdtool verify --store gaps --format csv',
  'mdtool candles --store gaps --fail-on-gaps --symbols ETHUSDT -o -',
  'mdtool compact --store gaps',
  everyRow('gaps', ['trade', 'book_snapshot', 'gap', 'candle']),
];

/** A store that neither version has written. */
const oldStore = [
  'cp -r fixtures/store-0.1.0 old',
  'mdtool query --store old',
  everyRow('old', [...TAPED, 'instrument', 'liquidation', 'gap']),
  everyRow('old', BOOKS),
  everyRow('old', STEPS_WRITE),
  'mdtool candles --store old',
  'mdtool features --store old',
  'mdtool compact --store old',
  'mdtool verify --store old',
  everyRow('old', ['trade', 'book_snapshot', 'candle', 'features']),
];

export const CASES = [...demo, ...tapes, ...pipelines, ...tapeStore, ...gapStore, ...oldStore];

/** Returns a command line for every file below `folder`, which is `reports` in the folder of the cases. */
export function reportCases(folder) {
  const files = globSync('**/*.{ndjson,csv,parquet,gz}', { cwd: folder }).sort();
  return files.map((file) => reportCase(`'reports/${file}'`, file, beginning(`${folder}/${file}`)));
}

function reportCase(path, file, text) {
  if (/^\{"tape":/.test(text))
    return `mdtool stream --replay ${path} --channels ${BOTH}${/liquidation/i.test(text) ? ',liquidation' : ''} -o -`;
  if (/\d{4}-\d{2}(-\d{2})?\.csv(\.gz)?$/.test(file) && /trdMatchID|^id,timestamp/.test(text)) {
    const market = /^id,/.test(text) ? 'spot' : /BTCUSD\d/.test(file) ? 'inverse' : 'linear';
    return `mdtool backfill ${path} --exchange bybit --market ${market} -o -`;
  }
  if (/"type": ?"signal"/.test(text))
    return `mdtool backtest ${path} --strategy signals --deposit 1000 --notional 1000 --leverage 10 --maker-fee 0 --tick-size 0.1 --lot-size 0.001 --format ndjson`;
  const source = /"type": ?"trade"|\bside\b/i.test(text) ? 'trades' : 'exchange';
  return `mdtool candles ${path} --source ${source} --interval 1h,1d`;
}

function beginning(path) {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').slice(0, 10_000);
}
