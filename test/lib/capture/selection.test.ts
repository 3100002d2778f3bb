import { describe, expect, it } from 'vitest';
import { typesOf } from '../../../src/lib/capture/selection.js';
import type { Channel } from '../../../src/lib/exchanges/exchange.js';
import { expandPaths } from '../../../src/lib/input/paths.js';
import type { Market } from '../../../src/lib/model/records.js';

describe('types of channels', () => {
  it.each<[Channel[], Market[] | undefined, string[]]>([
    [['trade'], undefined, ['trade']],
    [['ticker'], ['spot'], ['ticker']],
    [['ticker'], undefined, ['ticker', 'mark_price', 'open_interest', 'funding']],
    [['ticker'], ['spot', 'linear'], ['ticker', 'mark_price', 'open_interest', 'funding']],
    [['book'], ['linear'], ['book_snapshot']],
    [['book_delta'], ['linear'], ['book_snapshot', 'book_delta']],
    [['candle', 'liquidation'], undefined, ['liquidation', 'candle']],
  ])('%j on %j are %j, with gap and clock', (channels, markets, types) =>
    expect(typesOf(channels, markets).sort()).toEqual([...types, 'gap', 'clock'].sort()),
  );
});

describe('paths', () => {
  it('are read once each, in the order given', async () => {
    expect(await expandPaths(['-', 'b', 'a', '-', 'b'])).toEqual(['-', 'b', 'a']);
  });
});
