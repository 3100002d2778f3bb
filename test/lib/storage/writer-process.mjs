/**
 * A process that writes made-up trades to a store and prints the id of each when its write has returned, as `-o store
 * -o -` does. Arguments: the directory, and JSON options: sealEveryMs, batch, pauseMs, records, claims, first, symbol,
 * start, entry (of the process that seals for it).
 */
import { writeSync } from 'node:fs';
import { openStoreWriter } from '../../../dist/lib/storage/store-writer.js';
import { maintenanceHere } from '../../../dist/lib/storage/upkeep/maintenance.js';
import { maintenanceApart } from '../../../dist/lib/storage/upkeep/maintenance-process.js';

const [directory = '', text = '{}'] = process.argv.slice(2);
const {
  sealEveryMs = 60_000,
  batch = 20,
  pauseMs = 2,
  records = 1e9,
  first = 0,
  claims = [],
  symbol = 'BTCUSDT',
  entry = undefined,
  start = 1_795_168_800_000_000,
} = JSON.parse(text);

const writer = await openStoreWriter(directory, {
  step: 'writer-process',
  claims,
  sealEveryMs,
  maintenance: (context) => (entry ? maintenanceApart(context.paths.location, { entry }) : maintenanceHere(context)),
  // An hour later than it is: every sealed hour is over, and merges run beside all else.
  now: () => Date.now() + 3_600_000,
  onWarning: (message) => writeSync(2, `${message}\n`),
});
writeSync(1, 'ready\n');
for (let n = first; n < first + records; n += batch) {
  const trades = Array.from({ length: batch }, (_, index) => ({
    type: 'trade',
    exchange: 'bybit',
    market: 'linear',
    symbol,
    timestamp: start + (n + index) * 1000,
    localTimestamp: start + (n + index) * 1000 + 5,
    id: `t${n + index}`,
    price: 100 + (n + index) / 8,
    amount: 0.001,
    side: 'buy',
  }));
  await writer.write(trades);
  writeSync(1, `${trades.map(({ id }) => id).join('\n')}\n`);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
await writer.close();
writeSync(1, 'closed\n');
