// A grid of 8 levels by a loop over the columns of each symbol: grid.mjs FILE. The file is ordered by symbol and time.
// Prints final equity and fills of each symbol; the rules are those of `run_grid` in ../../backtest.c, without its drawdown.
import { connect, doubles } from './open.mjs';

const [LEVELS, COVERAGE, MULTIPLIER, LEVERAGE, TARGET, WAIT] = [8, 0.1, 1.1, 2, 0.01, 60e6];
const [MAKER, TAKER, MAINTENANCE, TICK, LOT] = [0.0002, 0.0006, 0.005, 100, 1000];
const down = (value, scale) => Math.floor(value * scale + 1e-9) / scale;
const up = (value, scale) => Math.ceil(value * scale - 1e-9) / scale;

const FLAT = { amount: 0, cost: 0, level: LEVELS };

function run(time, price) {
  const n = time.length;
  const grid = { ...FLAT, balance: 10_000, take: 0, liquidation: 0, resume: 0, fills: 0 };
  for (let i = 1; i < n; i++) {
    if (grid.level === LEVELS && grid.amount === 0) {
      while (i < n && time[i] < grid.resume) i++;
      if (i === n) break;
      enter(grid, price[i - 1], price[i]);
      continue;
    }
    i = quietUntil(grid, price, i);
    if (i === n) break;
    if (price[i] > grid.take) leave(grid, grid.amount * grid.take - grid.cost - grid.take * grid.amount * MAKER, time[i]);
    else if (isLiquidated(grid, price[i])) leave(grid, -grid.cost / LEVERAGE, time[i]);
    else add(grid, price[i]);
  }
  return { equity: grid.balance - grid.cost + grid.amount * price[n - 1], fills: grid.fills };
}

function enter(grid, planned, price) {
  [grid.prices, grid.amounts] = plan(planned, grid.balance);
  [grid.amount, grid.cost, grid.level] = [grid.amounts[0], price * grid.amounts[0], 1];
  grid.balance -= price * grid.amounts[0] * TAKER;
  grid.fills++;
  settle(grid);
}

function quietUntil({ level, prices, take, liquidation }, price, from) {
  const bound = level < LEVELS ? prices[level] : 0;
  let i = from;
  while (i < price.length && price[i] >= bound && price[i] <= take && price[i] > liquidation) i++;
  return i;
}

function isLiquidated({ level, prices, liquidation }, price) {
  return price <= liquidation && !(level < LEVELS && price < prices[level] && prices[level] > liquidation);
}

function leave(grid, profit, at) {
  Object.assign(grid, FLAT, { balance: grid.balance + profit, resume: at + WAIT, fills: grid.fills + 1 });
}

function add(grid, price) {
  for (; grid.level < LEVELS && price < grid.prices[grid.level]; grid.level++) {
    const [at, amount] = [grid.prices[grid.level], grid.amounts[grid.level]];
    grid.amount += amount;
    grid.cost += amount * at;
    grid.balance -= at * amount * MAKER;
    grid.fills++;
  }
  settle(grid);
}

function settle(grid) {
  grid.take = up((grid.cost / grid.amount) * (1 + TARGET), TICK);
  grid.liquidation = (grid.cost - grid.cost / LEVERAGE) / (grid.amount * (1 - MAINTENANCE));
}

function plan(price, balance) {
  let sum = 0;
  for (let k = 0; k < LEVELS; k++) sum += MULTIPLIER ** k;
  const levels = Array.from({ length: LEVELS }, (_, k) => k);
  return [
    levels.map((k) => down(price - (price * COVERAGE * k) / (LEVELS - 1), TICK)),
    levels.map((k) => down(((balance * LEVERAGE) / (sum * price)) * MULTIPLIER ** k, LOT)),
  ];
}

const connection = await connect();
const [path] = process.argv.slice(2);
const names = (await connection.runAndReadAll(`SELECT DISTINCT symbol FROM '${path}' ORDER BY symbol`)).getRows().flat();
const results = [];
for (const name of names) {
  const columns = await doubles(connection, `SELECT epoch_us(timestamp)::DOUBLE, price FROM '${path}' WHERE symbol = '${name}'`);
  results.push(run(...columns));
}
console.log(JSON.stringify(results));
