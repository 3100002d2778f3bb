// What the demo runs (demo.js), and what two versions are compared by (compare.js).

/** The folder that the demo writes to. */
export const OUTPUT = 'demo-output';

/** The commands of the demo, in order: `exit` is the expected code, a `program` is run by node instead of `mdtool`. */
export const STEPS = [
  {
    look: 'What can be traded: linear USDT perpetuals of Bybit, from the list on the tape. Ticks and lots come from the exchange.',
    command:
      "symbols --exchange bybit --market linear --match '^(BTC|ETH|SOL)USDT$' --replay fixtures/bybit-v5.tape.ndjson.gz --format table",
  },
  {
    look: "The tape, frame by frame, into the store: trades, best prices, books, marks, the exchange's candles. Read twice, nothing is stored twice.",
    command: `stream --replay fixtures/bybit-v5.tape.ndjson.gz --channels trade,ticker,book,candle -o store --store ${OUTPUT}/data`,
  },
  {
    look: 'Bitget, whose books carry a checksum: every one is verified, and a book known to be wrong never comes out. Files hold one type each.',
    command: `stream --replay fixtures/bitget-v2.tape.ndjson.gz --channels trade,book -o '${OUTPUT}/bitget-{type}.csv' -o store --store ${OUTPUT}/data`,
  },
  {
    look: 'What the store holds, from kept state: no file is scanned for this.',
    command: `query --store ${OUTPUT}/data --format table`,
  },
  {
    look: 'Any question in SQL: who was the aggressor, and at what price?',
    command: `query --store ${OUTPUT}/data --format table 'select exchange, market, symbol, side, count(*) as trades, sum(price * amount) / sum(amount) as average_price from trade group by all order by all limit 8'`,
  },
  {
    look: "Candles from the trades in the store, of any interval, closed by the exchange's own clock.",
    command: `candles --store ${OUTPUT}/data --exchange bybit --market linear --symbols BTCUSDT --interval 15s -o - --format table --plot`,
  },
  {
    look: 'Features need hours of data and the tapes last a minute: from here on a SYNTHETIC market of 60 hours with two planted events.',
    program: ['--import', 'tsx', 'test/support/synthetic-market-main.ts', `${OUTPUT}/market.ndjson.gz`],
  },
  {
    look: 'One row per second: order flow, book, mark, open interest, volatility, warm only when every window is full.',
    command: `features ${OUTPUT}/market.ndjson.gz --since 2026-11-20T10:00Z --rows features -o ${OUTPUT}/features.parquet`,
  },
  {
    look: 'Gates, triggers, cooldown, risk: exactly the two planted events come out, one long and one short.',
    command: `signals ${OUTPUT}/features.parquet --format table`,
  },
  {
    look: 'A martingale grid before it is started: where does it die? Level 3 is liquidated before it fills, and the exit code 4 says so to a script.',
    command: 'grid plan --price 0.5 --deposit 10 --leverage 20 --tick-size 0.0001 --lot-size 0.1 --format table',
    exit: 4,
  },
  {
    look: 'The same kind of grid over a recorded month of BTC, fill by fill; the report is one HTML file that needs no network.',
    command: `backtest fixtures/btc-perp-1m-2022-01.csv.gz --strategy grid --deposit 1000 --leverage 3 --levels 6 --coverage 12% --tick-size 0.5 --lot-size 0.0001 --format table --report ${OUTPUT}/grid.html`,
  },
];
