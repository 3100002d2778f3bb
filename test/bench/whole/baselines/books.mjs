// Books rebuilt from the deltas and whole snapshots of a store, each delta continuing the one before it: books.mjs STORE.
// Prints how many deltas there are, how many do not continue their book, and after how many it is crossed.
import { connect } from './open.mjs';

const connection = await connect();
const [store] = process.argv.slice(2);
const ofType = (type) => `'${store}/${type}/**/*.parquet'`;
const select = (previous) =>
  `SELECT symbol, sequence::DOUBLE, ${previous}::DOUBLE, len(bids)::INTEGER, len(asks)::INTEGER, flatten(list_concat(bids, asks))`;

const books = new Map();
const counts = { deltas: 0, broken: 0, crossed: 0 };

async function* messages(sql) {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const column = (index) => chunk.getColumnVector(index);
    const [sequences, previous, bids, asks] = [1, 2, 3, 4].map((index) => column(index).items);
    const levels = column(5);
    const numbers = levels.childVector.items;
    for (let row = 0; row < chunk.rowCount; row++) {
      const sizes = { bids: bids[row], asks: asks[row] };
      yield {
        symbol: column(0).getItem(row),
        sequence: sequences[row],
        previous: previous[row],
        ...sizes,
        numbers,
        at: levels.getEntryOffset(row),
      };
    }
  }
}

/** Sets the levels of a message in a book: prices in ascending order, the amounts beside them. */
function apply(book, { bids, asks, numbers, at }) {
  const middle = at + 2 * bids;
  for (let from = at; from < middle; from += 2) set(book.bids, numbers[from], numbers[from + 1]);
  for (let from = middle; from < middle + 2 * asks; from += 2) set(book.asks, numbers[from], numbers[from + 1]);
}

function set({ prices, amounts }, price, amount) {
  let [low, high] = [0, prices.length];
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (prices[mid] < price) low = mid + 1;
    else high = mid;
  }
  const exists = prices[low] === price;
  if (amount === 0) {
    if (!exists) return;
    prices.splice(low, 1);
    amounts.splice(low, 1);
  } else if (exists) amounts[low] = amount;
  else {
    prices.splice(low, 0, price);
    amounts.splice(low, 0, amount);
  }
}

for await (const message of messages(`${select('0')} FROM ${ofType('book_snapshot')} WHERE depth IS NULL`)) {
  const side = () => ({ prices: [], amounts: [] });
  const book = { bids: side(), asks: side(), sequence: message.sequence };
  apply(book, message);
  books.set(message.symbol, book);
}
for await (const message of messages(
  `${select('previous_sequence')} FROM ${ofType('book_delta')} ORDER BY symbol, local_timestamp`,
)) {
  const book = books.get(message.symbol);
  counts.deltas++;
  if (message.previous !== book.sequence) counts.broken++;
  book.sequence = message.sequence;
  apply(book, message);
  if (book.bids.prices.at(-1) >= book.asks.prices[0]) counts.crossed++;
}
console.log(JSON.stringify(counts));
