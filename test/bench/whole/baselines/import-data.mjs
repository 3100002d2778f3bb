// The trades of the first day in `trades.parquet` (two million), in order of time, as CSV.gz in the layout of mdtool: import-data.mjs OUT
import { connect } from './open.mjs';

const [out] = process.argv.slice(2);
const connection = await connect();
const time = (name) => `epoch_us(${name}) AS ${name}`;
await connection.run(
  `COPY (SELECT exchange, market, symbol, ${time('timestamp')}, ${time('local_timestamp')}, id, price, amount, side, sequence
   FROM 'trades.parquet' WHERE timestamp < (SELECT min(timestamp) FROM 'trades.parquet') + INTERVAL 1 DAY
   ORDER BY timestamp, sequence, local_timestamp, id) TO '${out}' (FORMAT csv, COMPRESSION gzip)`,
);
