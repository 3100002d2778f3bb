import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { cleanEnvironment, ROOT } from '../support/mdtool.js';
import { tradeRecord } from '../support/records.js';

const folder = mkdtempSync(join(tmpdir(), 'hints-'));
const NOT_READ = 'stdin is a pipe but is not read; use - as INPUT to read it';
const NOT_PRINTED = 'stdout is a pipe but gets no records: they go to the store; -o store -o - writes them to both';

beforeAll(async () => {
  const writer = await openStoreWriter(join(folder, 'data'), { step: 'stream', onWarning: () => {} });
  await writer.write([1, 2].map((n) => tradeRecord({ id: `t${n}`, timestamp: tradeRecord().timestamp + n * 60_000_000 })));
  await writer.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a pipeline of the shell prints on stderr, without the closing lines of its steps. */
function hintsOf(pipeline: string): string[] {
  const env = { ...cleanEnvironment(), M: `${process.execPath} ${join(ROOT, 'bin/run.js')}` };
  const { stderr } = spawnSync('sh', ['-c', pipeline], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return stderr.split('\n').filter((line) => line !== '' && !/^(?:candles|features): /.test(line));
}

it('says that a pipe on stdin is not read, and that records go to the store although stdout is a pipe', () => {
  expect(hintsOf('echo | $M candles --interval 1m | cat')).toEqual([NOT_READ, NOT_PRINTED]);
});

it('says nothing where a pipe is read, or gets the records', () => {
  expect(hintsOf('$M candles --interval 1s -o store -o - | $M candles - --interval 5m > out.ndjson')).toEqual([]);
});
