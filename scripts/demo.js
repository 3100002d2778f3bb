#!/usr/bin/env node
// The main job on the bundled tapes, a command at a time: each is printed before it runs, with what to look at.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MDTOOL = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const OUTPUT = 'demo-output';

const STEPS = [
  {
    look: 'What can be traded: linear USDT perpetuals of Bybit, from the list on the tape. Ticks and lots come from the exchange.',
    command:
      "symbols --exchange bybit --market linear --match '^(BTC|ETH|SOL)USDT$' --replay fixtures/bybit-v5.tape.ndjson.gz --format table",
  },
  {
    look: 'The tape, frame by frame, into records: trades, best prices, books, marks, one file per type. A `clock` tells each second that has passed.',
    command: `stream --replay fixtures/bybit-v5.tape.ndjson.gz --channels trade,ticker,book,candle -o '${OUTPUT}/bybit-{type}.ndjson'`,
  },
  {
    look: 'The same for Bitget, whose books carry a checksum: every one is verified, and a book known to be wrong never comes out.',
    command: `stream --replay fixtures/bitget-v2.tape.ndjson.gz --channels trade,book --market linear -o '${OUTPUT}/bitget-{type}.csv'`,
  },
];

const NEXT = `What to try next:
  npx mdtool stream --replay fixtures/bybit-v5.tape.ndjson.gz --speed 1     the tape at the speed it was recorded
  npx mdtool stream --replay fixtures/bitget-v2.tape.ndjson.gz | head -3    records as NDJSON, ready for a pipe
  npx mdtool symbols --help                                                 every command explains itself
The records are in ${OUTPUT}/; README.md explains each of them.`;

process.chdir(ROOT);
rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT);
for (const { look, command } of STEPS) {
  console.log(`\n# ${look}\n$ mdtool ${command}`);
  const words = command.match(/'[^']*'|\S+/g).map((word) => word.replace(/^'|'$/g, ''));
  const { status } = spawnSync(process.execPath, [MDTOOL, ...words], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    console.error(`demo: the command above ended with ${status}, expected 0`);
    process.exit(status ?? 1);
  }
}
console.log(`\n${NEXT}`);
