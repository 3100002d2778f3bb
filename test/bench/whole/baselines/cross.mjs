// The moving-average cross of ../strategy-cross.mjs by a loop over columns: cross.mjs FILE. Prints final equity and fills.
import { connect, doubles } from './open.mjs';

const connection = await connect();
const [path] = process.argv.slice(2);
const source = path.endsWith('.parquet') ? `read_parquet('${path}')` : `read_csv('${path}')`;
const [open, close] = await doubles(connection, `SELECT open, close FROM ${source} ORDER BY timestamp`);
let [fast, slow, wanted, current, balance, amount, cost, fills] = [0, 0, 0, 0, 10_000, 0, 0, 0];
for (let i = 0; i < close.length; i++) {
  if (wanted !== current) {
    current = wanted;
    const price = open[i];
    if (amount !== 0) {
      balance += amount * price - cost - Math.abs(amount) * price * 0.0006;
      fills += 1;
    }
    const size = Math.floor(((Math.abs(current) * balance) / price) * 1e6 + 1e-9) / 1e6;
    balance -= size * price * 0.0006;
    amount = current > 0 ? size : -size;
    cost = amount * price;
    fills += 1;
  }
  fast += close[i] - (i >= 20 ? close[i - 20] : 0);
  slow += close[i] - (i >= 50 ? close[i - 50] : 0);
  if (i >= 49) wanted = fast / 20 > slow / 50 ? 0.01 : -0.01;
}
console.log(JSON.stringify({ equity: balance - cost + amount * close.at(-1), fills }));
