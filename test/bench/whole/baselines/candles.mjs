// Candles by one SQL statement, right on ties: candles.mjs FILE SECONDS OUT
import { connect } from './open.mjs';

const [path, seconds, out] = process.argv.slice(2);
const columns =
  "{type: 'VARCHAR', exchange: 'VARCHAR', market: 'VARCHAR', symbol: 'VARCHAR', timestamp: 'BIGINT', local_timestamp: 'BIGINT', id: 'VARCHAR', price: 'DOUBLE', amount: 'DOUBLE', side: 'VARCHAR', sequence: 'BIGINT'}";
const isParquet = path.endsWith('.parquet');
const rows = isParquet
  ? `read_parquet('${path}')`
  : path.includes('.csv')
    ? `read_csv('${path}')`
    : `read_ndjson('${path}', columns = ${columns})`;
const time = isParquet ? 'timestamp' : 'make_timestamptz(timestamp)';
const order = 'ROW(timestamp, sequence, local_timestamp, id)';
const connection = await connect();
await connection.run(
  `COPY (SELECT exchange, market, symbol, time_bucket(to_seconds(${seconds}), ${time}) AS timestamp, arg_min(price, ${order}) AS open,
     max(price) AS high, min(price) AS low, arg_max(price, ${order}) AS close, sum(amount) AS volume, sum(price * amount) AS turnover,
     sum(CASE WHEN side = 'buy' THEN amount ELSE 0 END) AS buy_volume, count(*) AS trades
   FROM ${rows} GROUP BY ALL ORDER BY timestamp, symbol) TO '${out}' (FORMAT parquet, COMPRESSION zstd)`,
);
