// Signals of feature rows by one SQL statement: signals.mjs FILE. Thresholds are those of mdtool, the only gate is the spread.
import { connect } from './open.mjs';

const connection = await connect();
const reached = (sign) => `${sign}delta_z >= 2 AND ${sign}imb_shift >= 0.15 AND ${sign}mark_dev_z >= 1`;
const reader = await connection.runAndReadAll(
  `SELECT epoch_us(timestamp)::DOUBLE AS timestamp, CASE WHEN ${reached('')} THEN 'buy' ELSE 'sell' END AS side, close, atr15m_pct
   FROM '${process.argv[2]}' WHERE ((${reached('')}) OR (${reached('-')})) AND spread_bps <= 3 AND close > 0 AND atr15m_pct IS NOT NULL ORDER BY timestamp`,
);
for (const row of reader.getRowObjectsJson()) console.log(JSON.stringify(row));
