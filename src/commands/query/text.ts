/** The help of `query`. */
export const DESCRIPTION = `Each record type is a view (trade, ticker, book_snapshot, …). candle_1m holds candles built from trades, candle_exchange_1m those of the exchange. A view includes records that are still being written.

A file is a view under its path in quotes ('trades.parquet'), or under a name with --file NAME=PATH: CSV, TSV, JSON, NDJSON and Parquet, also .gz, .zst and .zip, and patterns. A file of records has the columns of its type; in any other CSV file a column is a number or a time only where every text in it means exactly that.

A statement can only read, and only the store and the files that it names: SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN. --since, --until, --exchange, --market and --symbols limit the files that are opened and the rows of the views. On a large store they are much faster than a WHERE clause.

In NDJSON and CSV, times are microseconds since the epoch; integers beyond 2^53 and decimals are text. Parquet and DuckDB files have the types of the statement; a .duckdb file has them in the table result.`;

export const EXAMPLES = [
  { description: 'List the contents of the store', command: '<%= config.bin %> <%= command.id %>' },
  {
    description: 'Turnover by symbol over the last day',
    command:
      '<%= config.bin %> <%= command.id %> --since 1d "select symbol, sum(price * amount) as turnover from trade group by 1"',
  },
  {
    description: 'Trades per side in a file, as a Markdown table',
    command: `<%= config.bin %> <%= command.id %> "select side, count(*) as trades from 'trades.parquet' group by all" --format markdown`,
  },
  {
    description: 'A statement with a parameter, as CSV',
    command: '<%= config.bin %> <%= command.id %> --file spread.sql --param symbol=BTCUSDT --format csv',
  },
];
