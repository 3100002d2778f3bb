import { describe, expect, it } from 'vitest';
import { Selection, typesOf } from '../../../src/lib/capture/selection.js';
import type { Channel } from '../../../src/lib/exchanges/exchange.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
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

describe('events of a live run without named symbols', () => {
  it('are those of symbols that are, or were, in the universe', () => {
    const bybit = exchangeOf('bybit');
    const selection = new Selection({ exchanges: [bybit], channels: ['trade'] });
    expect(selection.wantsEvent('bybit', 'linear', 'XRPUSDT')).toBe(true);
    selection.narrow('bybit', new Map([['linear', ['BTCUSDT', 'ETHUSDT']]]));
    selection.narrow('bybit', new Map([['linear', ['BTCUSDT']]]));
    const wanted = ['BTCUSDT', 'ETHUSDT', 'XRPUSDT'].filter((symbol) => selection.wantsEvent('bybit', 'linear', symbol));
    expect(wanted).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(selection.wantsEvent('bybit', 'spot', 'BTCUSDT')).toBe(false);
  });
});

describe('paths', () => {
  it('are read once each, in the order given', async () => {
    expect(await expandPaths(['-', 'b', 'a', '-', 'b'])).toEqual(['-', 'b', 'a']);
  });
});
