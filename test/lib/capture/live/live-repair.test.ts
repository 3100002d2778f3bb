import { expect, it } from 'vitest';
import { LiveRepair } from '../../../../src/lib/capture/live/live-repair.js';
import { exchangeOf } from '../../../../src/lib/exchanges/index.js';

it.each([
  ['an error of its own', new TypeError('Cannot read properties of undefined')],
  ['a refusal', new Error('the answer is not the expected one')],
])('an audit that fails with %s is reported once and ends nothing', async (_, failure) => {
  const feed = { exchange: 'bybit', market: 'linear', channel: 'trade', symbol: 'BTCUSDT' } as const;
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  const warnings: string[] = [];
  const client = { get: async () => Promise.reject(failure) };
  const wire = { dueAudits: (most: number) => (most > 0 ? [feed] : []), audit: () => false };
  const repair = new LiveRepair({
    options: { limits: { hold: 1, within: 1, settle: 1, most: 1, records: 1 }, client, auditEvery: 1 },
    wire,
    exchanges: [exchangeOf('bybit')],
    warn: (text: string) => void warnings.push(text),
    pool: () => ({ mayResubscribeTrades: () => false, resubscribeTrades() {} }),
  } as unknown as ConstructorParameters<typeof LiveRepair>[0]);
  for (let turn = 0; turn < 3; turn++) {
    repair.audit();
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
  expect(warnings).toEqual([`the trades of bybit BTCUSDT could not be compared with the exchange: ${failure.message}`]);
});
