import { describe, expect, it } from 'vitest';
import { startStep } from '../../../../src/lib/storage/journal/step-lock.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { startWriter } from '../child-writer.js';
import { sleep, temporaryDirectory } from '../support.js';

const alone = { wait: false } as const;

describe('a step over a store', () => {
  it('is started once at a time, however many come, beside other steps and writers', async () => {
    const directory = await temporaryDirectory();
    const started = await Promise.all(Array.from({ length: 5 }, () => startStep(directory, 'candles', alone)));
    expect(started.filter((one) => one !== undefined)).toHaveLength(1);
    const other = await startStep(directory, 'features', alone);
    const writer = await openStoreWriter(directory, { step: 'stream' });
    expect(other).toBeDefined();
    await started.find((one) => one !== undefined)?.release();
    const next = await startStep(directory, 'candles', alone);
    expect(next).toBeDefined();
    for (const one of [other, next]) await one?.release();
    await writer.close();
  });

  it('waits for the run before it when asked to, until it is stopped', async () => {
    const directory = await temporaryDirectory();
    const first = await startStep(directory, 'candles', alone);
    const order: string[] = [];
    const second = startStep(directory, 'candles', { wait: true }).then((step) => {
      order.push('second');
      return step;
    });
    const stop = new AbortController();
    const third = startStep(directory, 'candles', { wait: true, signal: stop.signal });
    await sleep(50);
    stop.abort();
    expect(await third).toBeUndefined();
    order.push('first ends');
    await first?.release();
    await (await second)?.release();
    expect(order).toEqual(['first ends', 'second']);
  });

  it('is not held up by a run that was killed', async () => {
    const directory = await temporaryDirectory();
    const claims = [{ exchange: '*', market: '*', channel: 'step candles', symbols: 'all' }];
    const killed = startWriter(directory, { claims, records: 20, pauseMs: 60_000 });
    await killed.ready;
    expect(await startStep(directory, 'candles', alone)).toBeUndefined();
    killed.process.kill('SIGKILL');
    await killed.ended;
    const next = await startStep(directory, 'candles', alone);
    expect(next).toBeDefined();
    await next?.release();
  });
});
