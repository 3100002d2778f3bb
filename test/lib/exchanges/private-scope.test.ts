import { describe, expect, it } from 'vitest';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import type { OrderIntent } from '../../../src/lib/exchanges/private-side.js';

const FAMILIES = EXCHANGES.flatMap(({ id, privateSide }) => (privateSide?.families ?? []).map((family) => ({ id, family })));
const SCOPE = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT' } as const;
const ORDER: OrderIntent = {
  ...{ ...SCOPE, clientId: 'm-abc123-aaa-1-L01-0', side: 'buy', kind: 'limit', price: '90', amount: '1', reduces: false },
  marginMode: 'isolated',
};

/** A request without one of these would mean more than was meant: every order of a category, of a coin, or of the account. */
describe.each(FAMILIES)(
  '$id $family.id: a request whose scope would widen is not made (S55)',
  ({ family: { writes, stops } }) => {
    const cancel = { ...SCOPE, clientId: ORDER.clientId };
    const setting = { ...SCOPE, leverage: '5', marginMode: 'isolated', positionMode: 'one_way' } as const;

    it.each<[string, () => unknown]>([
      ['an order', () => writes.place({ ...ORDER, symbol: '' })],
      ['an order without an id', () => writes.place({ ...ORDER, clientId: '' })],
      ['a batch', () => writes.placeBatch([ORDER, { ...ORDER, symbol: '' }])],
      ['a batch of nothing', () => writes.placeBatch([])],
      ['a cancel', () => writes.cancel({ ...cancel, symbol: '' })],
      ['a cancel without an id', () => writes.cancel({ ...SCOPE, clientId: '' })],
      ['a cancel without any id', () => writes.cancel(SCOPE)],
      ['a cancel with an empty id', () => writes.cancel({ ...SCOPE, orderId: '' })],
      ['a batch of cancels', () => writes.cancelBatch([cancel, { ...cancel, symbol: '' }])],
      ['a batch of cancels, one without an id', () => writes.cancelBatch([cancel, { ...SCOPE, clientId: '' }])],
      ['a batch of no cancels', () => writes.cancelBatch([])],
      ['a cancel of all', () => writes.cancelAll({ ...SCOPE, symbol: '' })],
      ['a leverage', () => writes.setLeverage({ ...setting, symbol: '' })],
    ])('%s', (_, make) => {
      expect(make).toThrow(RangeError);
    });

    it.runIf(stops)('a stop', () => {
      const stop = { ...cancel, symbol: '', side: 'long', positionMode: 'one_way', price: '80' } as const;
      expect(() => stops?.set(stop)).toThrow(RangeError);
    });

    it('and with all of them it is', () => {
      const made = [
        ...[writes.place(ORDER), writes.placeBatch([ORDER]), writes.cancel(cancel), writes.cancelBatch([cancel])],
        ...[
          writes.cancelAll(SCOPE),
          ...writes.setLeverage(setting),
          ...writes.setLeverage({ ...setting, positionMode: 'hedge' }),
        ],
      ];
      for (const { method, body } of made)
        expect([method, body]).toEqual(['POST', expect.stringMatching(/ETHUSDT|m-abc123-aaa-1-L01-0/)]);
    });
  },
);
