import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mdtoolHere } from '../support/mdtool-here.js';

const NAME = '龙虾USDT';
const ROOM = mkdtempSync(join(tmpdir(), 'mdtool-names-'));
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));

function file(name: string, ...lines: unknown[]): string {
  const path = join(ROOM, name);
  writeFileSync(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return path;
}

const trade = { T: 1_781_600_000_220, s: NAME, S: 'Buy', v: '300', p: '0.03122', i: '0000aaaa-0000', seq: 98_765 };
const instrument = {
  symbol: NAME,
  contractType: 'LinearPerpetual',
  status: 'Trading',
  baseCoin: '龙虾',
  quoteCoin: 'USDT',
  settleCoin: 'USDT',
  launchTime: '1600000000000',
  deliveryTime: '0',
  priceFilter: { tickSize: '0.00001' },
  lotSizeFilter: { qtyStep: '1', minOrderQty: '1', maxOrderQty: '100' },
};
const list = { retCode: 0, retMsg: 'OK', result: { category: 'linear', nextPageCursor: '', list: [instrument] }, time: 1 };
const url = 'https://api.bybit.com/v5/market/instruments-info?category=linear&status=Trading&limit=1000';
const frame = { topic: `publicTrade.${NAME}`, type: 'snapshot', ts: 1_781_600_000_223, data: [trade] };

const TAPE = file(
  'tape.ndjson',
  { tape: 1, exchange: 'bybit' },
  { at: 1_781_600_000_200_000, http: url, status: 200, body: JSON.stringify(list) },
  { at: 1_781_600_000_300_000, connection: 1, connect: 'wss://stream.bybit.com/v5/public/linear' },
  { at: 1_781_600_000_400_000, connection: 1, frame: JSON.stringify(frame) },
);
const SYMBOLS = file('symbols.txt', NAME);

describe('a listed name outside of A–Z and 0–9', () => {
  it.each([NAME, '龙虾usdt', '龙虾/USDT:USDT', `bybit:linear:${NAME}`, `@${SYMBOLS}`])('is accepted as %s', async (spelling) => {
    const replayed = await mdtoolHere(['stream', '--replay', TAPE, '--symbols', spelling, '-o', '-']);
    expect([replayed.code, replayed.stdout]).toEqual([0, expect.stringContaining(`"type":"trade","exchange":"bybit"`)]);
    const listed = await mdtoolHere(['symbols', '--replay', TAPE, '--symbols', spelling, '-o', '-']);
    expect([listed.code, listed.stdout]).toEqual([0, expect.stringContaining(`"symbol":"${NAME}"`)]);
  });

  it('is accepted over a store and in the name of an archive', async () => {
    const store = join(ROOM, 'store');
    const archive = file(
      `${NAME}2026-06-16.csv`,
      'timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional',
      `1781600001.22,${NAME},Buy,300,0.03123,PlusTick,0000aaaa-0001,1,1,1`,
    );
    await mdtoolHere(['stream', '--replay', TAPE, '-o', 'store', '--store', store]);
    const filled = await mdtoolHere(['backfill', archive, '--exchange', 'bybit', '--market', 'linear', '--store', store]);
    expect([filled.code, filled.stderr]).toEqual([0, expect.stringContaining('1 trade')]);
    const built = await mdtoolHere(['candles', '--store', store, '--symbols', NAME, '--interval', '1m', '-o', '-']);
    expect(built.stdout).toContain(`"symbol":"${NAME}"`);
    expect(built.stdout).toContain('"volume":600');
    const verified = await mdtoolHere(['verify', '--store', store, '--symbols', '龙虾/USDT:USDT', '-o', '-']);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('"verdict":"whole"')]);
  });
});
