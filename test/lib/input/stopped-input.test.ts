import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { StoppedError, wholeUnlessStopped } from '../../../src/lib/input/closing.js';
import { stoppedInput } from '../../../src/lib/input/stopped-input.js';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import { tradeRecord } from '../../support/records.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-stopped-'));
afterAll(() => rmSync(folder, { recursive: true }));
const listener = { broken: () => {}, truncated: () => {} };

it('files that are stopped amid are no whole input: what follows from a part never looks like the result', async () => {
  const path = join(folder, 'trades.ndjson');
  writeFileSync(path, Array.from({ length: 20_000 }, (_, id) => encodeRecord(tradeRecord({ id: String(id) }))).join('\n'));
  const stop = new AbortController();
  const records = stoppedInput([path], listener, stop.signal);
  expect((await records.next()).value?.length).toBeGreaterThan(0);
  stop.abort();
  await expect(records.next()).rejects.toThrow(StoppedError);
  let whole = 0;
  for await (const batch of stoppedInput([path], listener, new AbortController().signal)) whole += batch.length;
  expect(whole).toBe(20_000);
});

it('so is a store that is left amid', async () => {
  const stop = new AbortController();
  async function* numbers() {
    yield 1;
    stop.abort();
    yield 2;
  }
  const seen: number[] = [];
  const read = async () => {
    for await (const number of wholeUnlessStopped(numbers(), stop.signal)) seen.push(number);
  };
  await expect(read()).rejects.toMatchObject({ exitCode: 3, message: expect.stringMatching(/stopped before all input/) });
  expect(seen.at(0)).toBe(1);
});
