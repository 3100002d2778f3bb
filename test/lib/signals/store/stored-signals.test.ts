import { expect, it } from 'vitest';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import { DEFAULT_RULES } from '../../../../src/lib/signals/rules.js';
import { type SignalRequest, signalStep } from '../../../../src/lib/signals/store/signal-run.js';
import { openStoreDirectory } from '../../../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../../../src/lib/storage/log/store-context.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { build, raw } from '../../../support/growing-features.js';
import { seeded } from '../../../support/random.js';
import { signalScenario } from '../../../support/signal-scenario.js';
import { temporaryDirectory, writeRun } from '../../storage/support.js';

/** Many signals, cooldown and rejections among them. */
const LOOSE = { ...DEFAULT_RULES, gates: [], deltaZ: 0.5, imbShift: 0.01, markDevZ: 0.2, cooldown: 40_000_000 };

type Options = Partial<SignalRequest> & { readonly remembers?: boolean };

async function signalsOf(directory: string, { remembers = true, ...options }: Options = {}) {
  const request: SignalRequest = {
    input: [],
    directory,
    selection: {},
    every: undefined,
    rules: () => LOOSE,
    rejected() {},
    onNotice() {},
    stopped: new AbortController().signal,
    warn() {},
    ...options,
  };
  const context = openStoreContext(await openStoreDirectory(directory));
  const run = remembers ? signalStep.intoStore(context, request, 0) : await signalStep.besideStore(request);
  const lines: string[] = [];
  for await (const records of run.records) lines.push(...records.map(encodeRecord));
  return lines;
}

it('of a store that grows, looked at again and again, are those of one look at the end, each once', async () => {
  const directory = await temporaryDirectory();
  const random = seeded(4);
  const records = raw(signalScenario({ candles: 20 })).slice(0, 4_000);
  const writer = await openStoreWriter(directory, { step: 'test' });
  const given: string[] = [];
  for (let from = 0; from < records.length; ) {
    const until = from + 1 + Math.floor(random() * 2_000);
    await writer.write(records.slice(from, until));
    if (random() < 0.8) await build(directory);
    if (random() < 0.8) given.push(...(await signalsOf(directory)));
    from = until;
  }
  await writer.close();
  await build(directory);
  given.push(...(await signalsOf(directory)));
  expect(given).toEqual(await signalsOf(directory, { remembers: false }));
  expect(given.length).toBeGreaterThan(10);
  expect(await signalsOf(directory)).toEqual([]);
  // Other rules ask anew, and say so.
  const notices: string[] = [];
  const rules = () => ({ ...LOOSE, deltaZ: 0.4 });
  expect((await signalsOf(directory, { rules, onNotice: (notice) => notices.push(notice) })).length).toBeGreaterThan(10);
  expect(notices).toEqual(['other rules']);
});

it('of a follower are those of one look, and a look begins where it stopped', async () => {
  const directory = await temporaryDirectory();
  const records = raw(signalScenario({ candles: 20 })).slice(0, 4_000);
  const stop = new AbortController();
  await writeRun(directory, records.slice(0, 2_000));
  await build(directory);
  const followed = signalsOf(directory, { every: 20, stopped: stop.signal });
  await writeRun(directory, records.slice(2_000));
  await build(directory);
  setTimeout(() => stop.abort(), 1_500);
  const given = [...(await followed), ...(await signalsOf(directory))];
  expect(given).toEqual(await signalsOf(directory, { remembers: false }));
  expect(given.length).toBeGreaterThan(5);
});
