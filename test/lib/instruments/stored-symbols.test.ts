import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { listsAsOf, requireStorable, saveLists, storedLists } from '../../../src/lib/instruments/stored-symbols.js';
import { symbolChanges } from '../../../src/lib/instruments/symbol-changes.js';
import type { SymbolList } from '../../../src/lib/instruments/symbol-list.js';
import type { Instrument } from '../../../src/lib/model/records.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';

const bybit = exchangeOf('bybit');
const bitget = exchangeOf('bitget');
const exchanges = [bitget, bybit];
/** 2026-11-20T10:00:00Z. */
const START = 1_795_168_800_000_000;
const DAY = 86_400_000_000;
const ALL = { quote: 'all', kind: 'all', status: 'all', notation: 'native' } as const;

function instrument(symbol: string, timestamp: number, fields: Partial<Instrument> = {}): Instrument {
  return {
    type: 'instrument',
    exchange: 'bybit',
    market: 'linear',
    symbol,
    timestamp,
    base: symbol.replace('USDT', ''),
    quote: 'USDT',
    settle: 'USDT',
    kind: 'perpetual',
    status: 'trading',
    tickSize: 0.1,
    amountUnit: 'base',
    canonical: `bybit:linear:${symbol}`,
    ccxt: `${symbol.replace('USDT', '')}/USDT:USDT`,
    ...fields,
  };
}

function listAt(timestamp: number, symbols: readonly string[], fields: Partial<SymbolList> = {}): SymbolList {
  const instruments = symbols.map((symbol) => instrument(symbol, timestamp, fields.market ? { market: fields.market } : {}));
  return { exchange: bybit, market: 'linear', instruments, whole: true, ...fields };
}

async function* given<Value>(...values: Value[]): AsyncGenerator<Value> {
  yield* values;
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'symbols test '));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function keep(directory: string, ...lists: SymbolList[]): Promise<string[]> {
  const warnings: string[] = [];
  const options = { directory, required: true, warn: (text: string) => void warnings.push(text) };
  for await (const _ of saveLists(given(...lists), options));
  return warnings;
}

const shown = (lists: readonly SymbolList[]) =>
  lists.map(({ market, instruments }) => [market, instruments.map(({ symbol }) => symbol).join()]);

describe('lists kept in a store', () => {
  it('are given as they were last at or before a time, market by market', async () => {
    const directory = await temporaryDirectory();
    await keep(directory, listAt(START, ['AUSDT', 'BUSDT']), listAt(START + 5, ['XUSD'], { market: 'inverse' }));
    await keep(directory, listAt(START + DAY, ['AUSDT', 'CUSDT']));
    const at = async (asOf: number | undefined) => shown(await storedLists(directory, { exchanges, asOf }));
    expect(await at(START - 1)).toEqual([]);
    expect(await at(START)).toEqual([['linear', 'AUSDT,BUSDT']]);
    expect(await at(START + DAY - 1)).toEqual([
      ['inverse', 'XUSD'],
      ['linear', 'AUSDT,BUSDT'],
    ]);
    expect(await at(undefined)).toEqual([
      ['inverse', 'XUSD'],
      ['linear', 'AUSDT,CUSDT'],
    ]);
    expect(shown(await storedLists(directory, { exchanges, markets: ['inverse'] }))).toEqual([['inverse', 'XUSD']]);
    expect(await storedLists(directory, { exchanges: [bitget] })).toEqual([]);
  });

  it('are the records that were listed, of one time though the pages came one after the other', async () => {
    const directory = await temporaryDirectory();
    const pages = [instrument('AUSDT', START), instrument('BUSDT', START + 700)];
    await keep(directory, { ...listAt(START, []), instruments: pages });
    const [list] = await storedLists(directory, { exchanges });
    expect(list?.instruments).toEqual(pages.map((one) => ({ ...one, timestamp: START + 700 })));
    expect(list).toMatchObject({ whole: true, stored: true, timestamp: START + 700 });
  });

  it('are not taken for a list where one is not whole, stored already or half written', async () => {
    const directory = await temporaryDirectory();
    await keep(directory, listAt(START, ['AUSDT', 'BUSDT']));
    const later = START + 1000;
    const warnings = await keep(
      directory,
      listAt(later, ['AUSDT'], { whole: false }),
      listAt(later, ['AUSDT'], { stored: true }),
      listAt(later, []),
    );
    expect(warnings).toEqual(['bybit linear: the list is incomplete and was not saved in the store']);
    const writer = await openStoreWriter(directory, { step: 'killed' });
    await writer.write([{ ...instrument('AUSDT', later), listed: 2 }]);
    // Somebody's own records are no list either.
    await writer.write([instrument('ZUSDT', later + 1)]);
    expect(shown(await storedLists(directory, { exchanges }))).toEqual([['linear', 'AUSDT,BUSDT']]);
    await writer.close();
    expect(shown(await storedLists(directory, { exchanges }))).toEqual([['linear', 'AUSDT,BUSDT']]);
  });

  it('go to a store that exists only, unless it was asked for; what was not asked for stops nothing', async () => {
    const directory = join(await temporaryDirectory(), 'store');
    const warnings: string[] = [];
    const options = { directory, required: false, warn: (text: string) => void warnings.push(text) };
    const passed: SymbolList[] = [];
    for await (const list of saveLists(given(listAt(START, ['AUSDT'])), options)) passed.push(list);
    await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(warnings).toEqual([]);
    const foreign = await temporaryDirectory();
    await writeFile(join(foreign, 'notes.txt'), '');
    for await (const list of saveLists(given(listAt(START, ['AUSDT'])), { ...options, directory: foreign })) passed.push(list);
    expect(passed).toHaveLength(2);
    expect(warnings).toEqual([expect.stringMatching(/^the list was not saved: .* is not an mdtool store/)]);
    await expect(keep(foreign, listAt(START, ['AUSDT']))).rejects.toMatchObject({ exitCode: 2 });
  });

  it('that are missing are told when they were asked for, and a failure when there is none', async () => {
    const directory = await temporaryDirectory();
    await keep(directory, listAt(START, ['AUSDT']));
    const missing = async (asked: { exchanges: boolean; markets: boolean }, markets?: readonly ('spot' | 'linear')[]) => {
      const told: string[] = [];
      await listsAsOf(directory, { exchanges, markets, asOf: START }, asked, (text) => void told.push(text));
      return told;
    };
    expect(await missing({ exchanges: false, markets: false })).toEqual([]);
    expect(await missing({ exchanges: true, markets: false })).toEqual([expect.stringMatching(/^bitget: the store has no list/)]);
    expect(await missing({ exchanges: false, markets: true }, ['spot', 'linear'])).toEqual([
      expect.stringMatching(/^bybit spot: the store has no list at or before 2026-11-20T10:00:00\.000Z/),
    ]);
    const before = listsAsOf(directory, { exchanges, asOf: START - 1 }, { exchanges: false, markets: false }, () => {});
    await expect(before).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('no list at or before') });
  });

  it.each([
    [{ notation: 'ccxt', asOf: undefined, diff: undefined }, /--notation ccxt/],
    [{ notation: 'native', asOf: 1, diff: undefined }, /--as-of reads/],
    [{ notation: 'native', asOf: undefined, diff: 1 }, /--diff returns changes/],
  ])('cannot be %o', (wish, message) => {
    expect(() => requireStorable(wish)).toThrow(message);
    expect(() => requireStorable({ notation: 'native', asOf: undefined, diff: undefined })).not.toThrow();
  });
});

describe('changes of lists', () => {
  const before = listAt(START, ['AUSDT', 'BUSDT', 'CUSDT']);
  const changesOf = async (after: SymbolList, query: object = {}, lists: readonly SymbolList[] = [before]) => {
    const told: string[] = [];
    const listener = {
      unreachable: () => {},
      hasUnreachable: false,
      incomplete: (text: string) => void told.push(text),
      note: (text: string) => void told.push(text),
      fallback: () => {},
    };
    const changes: Instrument[] = [];
    const source = symbolChanges(given(after), { lists, before: START }, { ...ALL, ...query }, listener);
    for await (const batch of source) changes.push(...batch);
    return { told, changes: changes.map(({ symbol, change, changed }) => [symbol, change, changed]) };
  };

  it('are new, gone and changed instruments with their values before and after', async () => {
    const now = START + DAY;
    const b = instrument('BUSDT', now, { tickSize: 0.5, status: 'settling', maxLeverage: 10 });
    const after = { ...before, instruments: [instrument('AUSDT', now), b, instrument('DUSDT', now)] };
    const changed = { status: ['trading', 'settling'], tick_size: [0.1, 0.5], max_leverage: [null, 10] };
    const all = [
      ['BUSDT', 'changed', changed],
      ['CUSDT', 'gone', undefined],
      ['DUSDT', 'new', undefined],
    ];
    expect((await changesOf(after)).changes).toEqual(all);
    // What passes the filters then or now is given: B does not trade any more.
    expect((await changesOf(after, { status: ['trading'] })).changes).toEqual(all);
    expect((await changesOf(after, { status: ['settling'] })).changes).toEqual(all.slice(0, 1));
    expect((await changesOf(after, { symbols: ['CUSDT', 'A/USDT:USDT'] })).changes).toEqual(all.slice(1, 2));
    await expect(changesOf(after, { symbols: ['ZUSDT'] })).rejects.toMatchObject({ exitCode: 2 });
  });

  it('are none when only the time is another', async () => {
    const { changes, told } = await changesOf(listAt(START + DAY, ['AUSDT', 'BUSDT', 'CUSDT']));
    expect(changes).toEqual([]);
    expect(told).toEqual(['no changes since 2026-11-20T10:00:00.000Z']);
  });

  it('never call gone what a broken list lacks', async () => {
    const { changes, told } = await changesOf(listAt(START + DAY, ['AUSDT', 'DUSDT'], { whole: false }));
    expect(changes).toEqual([['DUSDT', 'new', undefined]]);
    expect(told).toEqual([expect.stringContaining('delisted instruments cannot be detected')]);
  });

  it('need an older list of the same market', async () => {
    const spot = listAt(START + DAY, ['AUSDT'], { market: 'spot' });
    await expect(changesOf(spot)).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('to compare with') });
  });
});
