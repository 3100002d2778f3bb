#!/usr/bin/env node
// The main job on the bundled tapes, a command at a time: each is printed before it runs, with what to look at.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OUTPUT, STEPS } from './demo-steps.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MDTOOL = fileURLToPath(new URL('../bin/run.js', import.meta.url));

const NEXT = `What to try next:
  npx mdtool stream --replay fixtures/bybit-v5.tape.ndjson.gz --speed 1     the tape at the speed it was recorded
  npx mdtool stream --replay fixtures/bitget-v2.tape.ndjson.gz | head -3    records as NDJSON, ready for a pipe
  npx mdtool query --store ${OUTPUT}/data 'select * from book_snapshot limit 1'   a whole book
  npx mdtool grid plan --price 0.5 --deposit 10 --solve leverage             the leverage that survives
  npx mdtool stream --help                                                  every command explains itself
The records are in ${OUTPUT}/; docs/ explains each of them.`;

process.chdir(ROOT);
rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT);
for (const { look, command, program, exit = 0 } of STEPS) {
  const words = program ?? [MDTOOL, ...command.match(/'[^']*'|\S+/g).map((word) => word.replace(/^'|'$/g, ''))];
  console.log(`\n# ${look}\n$ ${program ? `node ${program.join(' ')}` : `mdtool ${command}`}`);
  const { status } = spawnSync(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== exit) {
    console.error(`demo: the command above ended with ${status}, expected ${exit}`);
    process.exit(status ?? 1);
  }
}
console.log(`\n${NEXT}`);
