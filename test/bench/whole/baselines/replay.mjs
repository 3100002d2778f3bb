// The trades of a Bybit tape as a script of one's own would read them: replay.mjs TAPE OUT
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [tape, out] = process.argv.slice(2);
const output = createWriteStream(out);
let text = '';
for await (const line of createInterface({ input: createReadStream(tape) })) {
  const event = JSON.parse(line);
  if (event.frame === undefined) continue;
  const frame = JSON.parse(event.frame);
  if (!frame.topic?.startsWith('publicTrade.')) continue;
  for (const { T, s, S, v, p, i } of frame.data) {
    const trade = {
      type: 'trade',
      exchange: 'bybit',
      market: 'linear',
      symbol: s,
      timestamp: T * 1000,
      local_timestamp: event.at,
      id: i,
    };
    text += `${JSON.stringify({ ...trade, price: Number(p), amount: Number(v), side: S.toLowerCase() })}\n`;
  }
  if (text.length > 1 << 16) {
    if (!output.write(text)) await new Promise((resolve) => output.once('drain', resolve));
    text = '';
  }
}
await new Promise((resolve) => output.end(text, resolve));
