/**
 * A process that seals batches of trades into a store, each in a change of its own, and prints the ids of a batch when its
 * write has returned. Arguments: the store, and JSON options: writer (a number), batches, from (the first batch), killAt.
 * Before the change number `killAt` of this process, when its Parquet file is already stored, it kills itself.
 */
import { writeSync } from 'node:fs';
import { openStoreDirectory } from '../../../dist/lib/storage/files/store-directory.js';
import { openStoreWriter } from '../../../dist/lib/storage/store-writer.js';

const [location = '', text = '{}'] = process.argv.slice(2);
const { writer: number = 0, batches = 10, from = 0, killAt = -1, start = 1_795_168_800_000_000 } = JSON.parse(text);
const SIZE = 10;

const { files } = await openStoreDirectory(location);
const create = files.create.bind(files);
let sealed = 0;
files.create = async (path, content) => {
  const isSeal = content.includes('"seal"');
  if (isSeal && sealed === killAt) process.kill(process.pid, 'SIGKILL');
  const isCreated = await create(path, content);
  if (isSeal && isCreated) sealed += 1;
  return isCreated;
};

const writer = await openStoreWriter(location, {
  step: `writer ${number}`,
  sealRecords: SIZE,
  onWarning: (message) => writeSync(2, `${message}\n`),
});
writeSync(1, 'ready\n');
for (let batch = from; batch < batches; batch++) {
  const trades = Array.from({ length: SIZE }, (_, index) => ({
    type: 'trade',
    exchange: 'bybit',
    market: 'linear',
    symbol: `S${number}USDT`,
    timestamp: start + (batch * SIZE + index) * 1000,
    localTimestamp: start + (batch * SIZE + index) * 1000 + 5,
    id: `w${number}-${batch * SIZE + index}`,
    price: 100 + index / 8,
    amount: 0.001,
    side: 'buy',
  }));
  await writer.write(trades);
  writeSync(1, `${trades.map(({ id }) => id).join('\n')}\n`);
}
await writer.close();
writeSync(1, 'closed\n');
