import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Heartbeat } from '../../../src/lib/execution/store/run-store.js';
import { type Sign, Watchdog } from '../../../src/lib/notify/watchdog.js';
import { freeBytes } from '../../../src/lib/storage/files/free-space.js';
import { messagesOf } from '../../support/run-alerts.js';
import { ALL_KINDS, RUN_KINDS, RunSession, type RunSessionOptions } from '../../support/run-session.js';
import { mountSmallDisk } from '../../support/small-disk.js';

const MINUTE = 60_000;
const disk = mountSmallDisk(100);
afterAll(() => disk?.unmount());

const READS = { method: 'GET', times: 100_000 } as const;

/** The lines of all messages that speak of a kind: how often it was raised, and when cleared. */
function linesOf(run: RunSession, kind: string): string[] {
  const lines = messagesOf(run.store).flatMap(({ text }) => text.split('\n'));
  return lines.filter((line) => line.includes(`${kind}: `) || line.includes(`${kind} cleared after `));
}

function isToldOnce(run: RunSession, kind: string, prefix = 'ALARM'): void {
  expect(linesOf(run, kind)).toEqual([
    expect.stringMatching(new RegExp(`^${prefix} {2}DEMO eth/\\d+ {2}ETHUSDT {2}${kind}: `)),
    expect.stringMatching(new RegExp(`^CLEARED {2}DEMO eth/\\d+ {2}ETHUSDT {2}${kind} cleared after \\d`)),
  ]);
  expect(run.faults).toEqual([]);
}

// The soak shows that no alert depends on the position mode.
const KINDS = process.env.MDTOOL_ALL_KINDS === '1' ? ALL_KINDS : RUN_KINDS;

describe.each(KINDS.map((kind) => ({ kind })))('alerts of a run on $kind', ({ kind }) => {
  const started = async (options: RunSessionOptions = {}) => {
    const run = new RunSession(kind, { ...options, config: { restart: 5_000, ...options.config } }).start();
    await run.working();
    return run;
  };

  it('an invalid key: an alarm, cleared by a process whose key is taken', async () => {
    const run = await started();
    run.key.isRevoked = true;
    await run.until('it ends', () => run.ended !== undefined);
    expect(run.ended).toBe(5);
    // A supervisor starts it again and again.
    for (let times = 0; times < 3; times++) {
      run.restart();
      await run.until('it ends', () => run.ended !== undefined);
    }
    run.key.isRevoked = false;
    run.restart();
    await run.working();
    isToldOnce(run, 'key');
  });

  it('insufficient funds: an alarm, cleared by the level that is taken', async () => {
    const run = new RunSession(kind, { account: { balances: { USDT: '700' } } }).start();
    await run.until('short', () => run.kinds().includes('short'));
    await run.pass(MINUTE);
    run.desk.deposit(run.owner, 'USDT', '1000');
    await run.until('the ladder rests', () => run.levels().length === 4, 70_000);
    await run.pass(1_000);
    isToldOnce(run, 'short');
  });

  it('a ban: an alarm, cleared by the first answer after it', async () => {
    const run = await started();
    run.desk.ban(MINUTE);
    await run.pass(80_000 + (kind[0] === 'bitget' ? 300_000 : 600_000));
    isToldOnce(run, 'ban');
  });

  it('the rate limit exceeded time and again: a warning, cleared after a minute without', async () => {
    const run = await started();
    for (let times = 0; times < 6; times++) {
      run.desk.faults.request({ when: 'before', answer: 'throttle' }, { path: /position/ });
      await run.pass(6_000);
    }
    await run.pass(70_000);
    isToldOnce(run, 'throttled', 'WARNING');
  });
});

describe('alerts of a run', () => {
  const started = async (options: RunSessionOptions = {}) => {
    const run = new RunSession(['bybit', 'unified'], { ...options, config: { restart: 5_000, ...options.config } }).start();
    await run.working();
    return run;
  };

  it('more than 5 system errors in a row: an alarm, cleared by the first answer', async () => {
    const run = await started();
    run.desk.faults.request({ when: 'before', answer: 'cut' }, READS);
    await run.pass(30_000);
    run.desk.faults.clear();
    await run.pass(MINUTE);
    isToldOnce(run, 'errors');
    expect(linesOf(run, 'errors')[0]).toContain('6 requests in a row');
  });

  it('nothing can be read for 10 minutes: an alarm that trading stands still, and not before', async () => {
    const run = await started();
    run.desk.faults.request({ when: 'before', answer: 'cut' }, READS);
    await run.pass(9.5 * MINUTE);
    expect(run.kinds()).not.toContain('stalled');
    await run.pass(MINUTE);
    run.desk.faults.clear();
    await run.pass(MINUTE);
    isToldOnce(run, 'stalled');
    expect(linesOf(run, 'stalled')[0]).toContain('nothing could be read');
  });

  it('what should rest does not for 10 minutes, although everything can be read: the same alarm', async () => {
    const run = new RunSession(['bybit', 'unified'], { config: { batch: 1 } });
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { method: 'POST', holds: '-L01-' });
    // What became of the level is in no list that answers.
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { path: /order\/history/, times: 100_000 });
    run.start();
    await run.pass(11 * MINUTE);
    run.desk.faults.clear();
    await run.working();
    isToldOnce(run, 'stalled');
    expect(linesOf(run, 'stalled')[0]).toContain('what should rest');
  });

  it('ten minutes without a fill, and a level out of the band, are no standstill', async () => {
    const run = await started();
    await run.pass(11 * MINUTE);
    expect(run.kinds()).not.toContain('stalled');
  });

  it('a drawdown of 20 % of the deposit: an alarm, cleared below 18 %, also over a restart', async () => {
    const run = await started();
    run.move('94.00');
    await run.pass(8_000);
    run.move('92.50');
    await run.until('drawdown', () => run.kinds().includes('drawdown'));
    run.restart();
    await run.pass(8_000);
    run.move('95.50');
    await run.pass(8_000);
    isToldOnce(run, 'drawdown');
  });

  it('a liquidation before the last level: an alarm, cleared when margin is added', async () => {
    const run = await started();
    const { ledger } = run.desk.engine;
    const position = ledger.openOf(run.owner)[0] as NonNullable<ReturnType<typeof ledger.openOf>[number]>;
    ledger.put({ ...position, margin: position.margin.mul(0.2) });
    await run.pass(8_000);
    ledger.put(position);
    await run.pass(8_000);
    isToldOnce(run, 'liquidation_near');
  });

  it('a price near the liquidation: an alarm of the watchdog, by what the run says of itself, cleared 2 points further away', async () => {
    const run = await started();
    const subject = { run: 'eth', mode: 'demo', exchange: 'bybit', symbol: 'ETHUSDT' } as const;
    const dog = new Watchdog(subject, { stalled: 600_000, liquidation: 0.06 });
    const said: string[] = [];
    for (const price of ['100.00', '94.00', '91.50', '90.60', '90.50', '92.80', '94.00']) {
      run.move(price);
      await run.pass(8_000);
      const { at, facts } = run.store.lastHeartbeat as Heartbeat;
      const sign = { ...(facts as Pick<Sign, 'held' | 'mark' | 'liquidation'>), at, isAlive: true, isFinished: false };
      said.push(
        ...dog
          .look(sign, { at: run.desk.now(), time: run.desk.now() * 1_000 })
          .map(({ severity, text }) => `${severity} ${text}`),
      );
    }
    expect(said).toEqual([
      expect.stringMatching(
        /^alarm ETHUSDT {2}liquidation_distance: the price 9\d\.?\d* is 5\.\d % from the liquidation at 85.89/,
      ),
      expect.stringMatching(/^routine ETHUSDT {2}liquidation_distance cleared after /),
    ]);
  });

  it('a clock that differs by more than 1 s: a warning, cleared when it is set', async () => {
    const run = await started();
    run.wire.skew = 40_000;
    await run.pass(10_000);
    run.wire.skew = 0;
    await run.pass(10_000);
    isToldOnce(run, 'clock_offset', 'WARNING');
    expect(linesOf(run, 'clock_offset')[0]).toMatch(/(39|40)\.\d s ahead of/);
  });

  it.skipIf(disk === undefined)('a disk that is nearly full: an alarm, cleared when there is room', async () => {
    const root = disk?.root ?? '';
    const run = new RunSession(['bybit', 'unified']);
    run.store.freeSpace = () => freeBytes(root);
    run.start();
    await run.working();
    writeFileSync(join(root, 'ballast'), Buffer.alloc(40 * 1024 * 1024));
    await run.pass(MINUTE);
    rmSync(join(root, 'ballast'));
    await run.pass(MINUTE);
    isToldOnce(run, 'disk');
    expect(linesOf(run, 'disk')[0]).toMatch(/6\d\.\d MB/);
  });

  it('a key that expires within 7 days: a warning, cleared by a new one', async () => {
    const run = new RunSession(['bybit', 'unified']);
    run.keyExpires = (run.desk.now() + 7 * 86_400_000 + 30_000) * 1_000;
    run.restart();
    await run.working();
    expect(run.kinds()).not.toContain('key_expiry');
    await run.pass(40_000);
    run.keyExpires = undefined;
    run.restart();
    await run.working();
    isToldOnce(run, 'key_expiry', 'WARNING');
  });

  it('a halt: an alarm, cleared when --resume has reconciled, so that the next one is told again', async () => {
    const run = await started();
    for (let times = 0; times < 2; times++) {
      run.trade('sell', '1', true);
      await run.until('it halts', () => run.ended !== undefined);
      run.trade('buy', '1', false);
      run.restart({ resume: true });
      await run.working();
      await run.pass(2_000);
    }
    const all = linesOf(run, 'mismatch').map((line) => line.split(' ', 1)[0]);
    expect(all).toEqual(['ALARM', 'CLEARED', 'ALARM', 'CLEARED']);
  });
});

describe('the words of a cycle', () => {
  it('every fill with what it means, every order, whose money it is, and a number', async () => {
    const config = { restart: 5_000, exchangeStop: { share: '0.085' } };
    const run = new RunSession(['bybit', 'unified'], { config }).start();
    await run.working();
    run.desk.faults.fills.push({ match: ({ clientId }) => clientId.includes('-L02-'), parts: [0.4, 0.6], every: 500 });
    run.move('97.00');
    await run.pass(5_000);
    run.move('95.50');
    await run.pass(8_000);
    run.move('103.00');
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    run.stop('close');
    await run.until('it ends', () => run.ended !== undefined);
    run.restart();
    await run.until('the third cycle', () => run.runner.state.cycle === 3 && run.levels().length === 4);
    run.move('90.00');
    await run.until('it halts', () => run.ended !== undefined);
    const text = messagesOf(run.store)
      .map((message) => message.text)
      .join('\n');
    for (const line of [
      /^DEMO eth\/\d+ {2}ENTRY filled {2}ETHUSDT {2}long 8.02 @ 100.01 {2}average 100.01 {2}TP 102.02 {2}liquidation 90.91 \(−9 %\)$/m,
      /^DEMO eth\/\d+ {2}LEVEL 1 filled {2}ETHUSDT {2}long 12.03 @ 98.00 {2}average 98.80 {2}TP 100.79 {2}liquidation 89.8\d \(−8 %\)$/m,
      /^DEMO eth\/\d+ {2}LEVEL 2 partly filled {2}ETHUSDT {2}buy 7.22 of 18.05 @ 96$/m,
      /^DEMO eth\/\d+ {2}LEVEL 2 filled {2}ETHUSDT {2}long 18.05 @ 96.00 {2}average 97.47 {2}TP 99.43 {2}liquidation 88.61 \(−8 %\)$/m,
      /^DEMO eth\/\d+ {2}TAKE PROFIT filled {2}ETHUSDT {2}long 38.1 @ 99.43 {2}profit 74.4628$/m,
      /^DEMO eth\/\d+ {2}CLOSE filled {2}ETHUSDT {2}long 7.79 @ 102.99 {2}profit -0.1558$/m,
      /^DEMO eth\/\d+–\d+ {2}\d orders accepted$/m,
      /^DEMO eth\/\d+ {2}TAKE PROFIT accepted {2}ETHUSDT {2}sell 38.1 @ 99.43$/m,
      /^DEMO eth\/\d+ {2}LEVEL 3 cancelled {2}ETHUSDT {2}buy 27.08 @ 94 {2}CancelByUser$/m,
      /^DEMO eth\/\d+ {2}ETHUSDT {2}cycle_end: cycle 1 is over: 74.4628 before fees$/m,
      /^DEMO eth\/\d+ {2}ETHUSDT {2}stopped: the run stops; what stays: no order, position 0$/m,
      /^ALARM {2}DEMO eth\/\d+ {2}ETHUSDT {2}exchange_stop: the stop that the exchange holds closed /m,
    ])
      expect(text).toMatch(line);
    expect(text).not.toMatch(/filled.* 0 of /);
    // Every line has a number of its own.
    const numbers = [...text.matchAll(/DEMO eth\/(\d+) /g)].map(([, number]) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
