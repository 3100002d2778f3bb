import { expect, it } from 'vitest';
import type { RestClient } from '../../../src/lib/history/rest-client.js';
import { UnreachableError } from '../../../src/lib/model/errors.js';
import type { Instrument } from '../../../src/lib/model/records.js';
import { warmUpCandles } from '../../../src/lib/pipeline/warm-up-candles.js';

it('asks for the candles of a symbol that is listed later as well, once each, until it is stopped', async () => {
  const instrument = (symbol: string) => ({ exchange: 'bybit', market: 'linear', symbol }) as Instrument;
  const listed = [instrument('BTCUSDT'), instrument('ETHUSDT')];
  const client = {
    get() {
      throw new UnreachableError('no route');
    },
  } as unknown as RestClient;
  const stop = new AbortController();
  const asked: string[] = [];
  const progress: string[] = [];
  const candles = warmUpCandles({
    instruments: () => listed,
    client,
    isSubscribed: () => true,
    signal: stop.signal,
    now: () => 1_795_132_800_000_000,
    onProgress: (done, all) => progress.push(`${done}/${all}`),
    onFailure: ({ symbol }) => {
      asked.push(symbol);
      if (symbol === 'ETHUSDT') listed.push(instrument('NEWUSDT'));
      if (symbol === 'NEWUSDT') setTimeout(() => stop.abort(), 10);
    },
  });
  for await (const _ of candles);
  expect(asked).toEqual(['BTCUSDT', 'ETHUSDT', 'NEWUSDT']);
  expect(progress).toEqual(['1/2', '2/3', '3/3']);
});
