import { beforeEach, describe, expect, it } from 'vitest';
import { ALL_KINDS, isLeftToSoak, RunSession, type RunSessionOptions } from '../../support/run-session.js';

const PLACE = /place-order|order\/create$/;
const PLACES = /place-order|place-batch|order\/create/;

describe.each(ALL_KINDS.map((kind) => ({ kind })))('a run on $kind', ({ kind }) => {
  beforeEach(({ skip, task }) => {
    if (isLeftToSoak(kind, task.name)) skip();
  });

  const started = async (options: RunSessionOptions = {}) => {
    const run = new RunSession(kind, { ...options, config: { restart: 5_000, ...options.config } }).start();
    await run.working();
    return run;
  };

  /** The run ends as halted, of that kind, and nothing is sent any more. */
  const halts = async (run: RunSession, what: string, within = 30_000) => {
    await run.until(`halt ${what}`, () => run.ended !== undefined, within);
    expect([run.ended, run.runner.state.halt?.kind]).toEqual([4, what]);
    const sent = run.desk.requests.length;
    await run.pass(2_000);
    expect(run.desk.requests.length).toBe(sent);
    expect(run.faults).toEqual([]);
  };

  const ends = (run: RunSession) => {
    run.settle();
    expect([run.faults, run.ended]).toEqual([[], undefined]);
  };

  it('places the ladder, renews the take profit, closes, cleans, waits and starts again (S6)', async () => {
    const run = await started();
    expect([run.levels().length, run.takeProfits().length]).toEqual([4, 1]);
    run.move('97.00');
    await run.pass(4_000);
    expect(run.filledLevels()).toEqual([1]);
    run.settle();
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
    const { data } = run.events.find((event) => event.kind === 'cycle_end') as { data: Record<string, unknown> };
    expect(data).toMatchObject({ cycles: 1, fills: 3, orders_filled: 3, realised: run.runner.state.books.realised });
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    ends(run);
  });

  it('requests that all take the same time end a reconciliation too', async () => {
    const run = new RunSession(kind, { latency: 0 }).start();
    await run.working();
    ends(run);
  });

  it.each(['before-intent', 'after-intent', 'before-reply-commit', 'after-commit'])(
    'killed at each %s of a cycle: one order per role, no fill lost or doubled (S1)',
    async (point) => {
      const run = new RunSession(kind, { config: { restart: 3_000 } });
      let left = 2;
      run.at = (at) => {
        if (at !== point || --left > 0) return;
        left = 2;
        run.restart();
        // The process is dead: nothing of what follows in it happens.
        throw new Error('killed');
      };
      run.start();
      await run.until(
        'the ladder rests in spite of it',
        () => run.levels().length === 4 && run.takeProfits().length === 1,
        400_000,
      );
      run.at = undefined;
      run.move('97.00');
      await run.pass(8_000);
      run.move('103.00');
      await run.until('the next cycle', () => run.levels().length === 4 && run.runner.state.cycle > 1, 200_000);
      ends(run);
    },
  );

  it.each(['cut', 'hang', 'empty'] as const)(
    'an accepted order whose answer is lost (%s) is not sent again (S2, S27)',
    async (answer) => {
      const run = new RunSession(kind);
      run.desk.faults.request({ when: 'after', answer }, { path: PLACES, times: 3 });
      run.start();
      await run.working();
      expect(run.ofRole(/-E-/)).toHaveLength(1);
      expect(run.ofRole(/-L01-/)).toHaveLength(1);
      expect(run.ofRole(/-T0000-/)).toHaveLength(1);
      ends(run);
    },
  );

  it('an order that never arrived is placed again, and not before absence is proven (S1, I13)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { path: PLACE });
    const began = run.desk.now();
    run.start();
    await run.working();
    const [entry] = run.ofRole(/-E-/);
    expect((entry?.created ?? 0) - began).toBeGreaterThan(run.store.config.window + 5_000);
    expect(run.kinds()).toContain('absent');
    ends(run);
  });

  it('an order that arrives 45 s late although its timestamp is too old is cancelled beside the newer one (S1)', async () => {
    const run = await started();
    run.desk.faults.request({ when: 'arrives', delay: 45_000, ignoresWindow: true, answer: 'cut' }, { path: PLACE, holds: '-T' });
    run.move('97.00');
    await run.pass(60_000);
    expect(run.takeProfits()).toHaveLength(1);
    ends(run);
  });

  it('lists and details that are 3 s behind make no duplicate and no loss (S3)', async () => {
    const run = new RunSession(kind);
    Object.assign(run.desk.faults.lags, { detail: 3_000, open: 3_000, history: 3_000 });
    Object.assign(run.desk.faults.pushes, { isMute: true });
    run.desk.faults.request({ when: 'after', answer: 'cut' }, { path: PLACES, times: 2 });
    run.start();
    await run.working();
    await run.pass(8_000);
    expect(run.kinds()).not.toContain('vanished');
    expect(run.ofRole(/-E-/)).toHaveLength(1);
    ends(run);
  });

  it('a cancel that finds its take profit filled ends as filled (S4)', async () => {
    const run = await started();
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-T'), 1);
    const entry = run.held();
    run.move('97.00');
    await run.pass(5_000);
    expect(run.held().toString()).toBe(run.runner.state.plan?.levels[1]?.amount);
    expect(run.ofRole(/-T0000-/)[0]?.filled.toString()).toBe(entry.toString());
    run.settle();
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    ends(run);
  });

  it('a take profit that is cancelled and partly filled counts by its fills (S5)', async () => {
    const run = await started();
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-T'), 0.5);
    run.move('97.00');
    await run.pass(5_000);
    expect(run.takeProfits()).toHaveLength(1);
    ends(run);
  });

  it('levels and part of the take profit fill while it is off: it goes on where it is (S6)', async () => {
    const run = await started();
    run.wire.kill();
    run.move('94.90');
    await run.wire.advance(20_000);
    run.restart();
    await run.until('all is seen', () => run.filledLevels().length === 2 && run.runner.state.phase === 'working');
    await run.pass(4_000);
    expect(run.ofRole(/-L0[12]-/)).toHaveLength(2);
    ends(run);
  });

  it('a level that fills at once on arrival is one order (S7, S47)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.fills.push({ match: ({ clientId }) => clientId.includes('-E-'), parts: [1], every: 1 });
    run.start();
    await run.until('the take profit rests', () => run.takeProfits().length === 1);
    run.move('94.00');
    await run.pass(8_000);
    expect([1, 2].map((level) => run.ofRole(new RegExp(`-L0${level}-`)).length)).toEqual([1, 1]);
    ends(run);
  });

  it('lost pushes and a broken connection: fills are the truth within 4 s of the reconnect (S8)', async () => {
    const run = await started();
    Object.assign(run.desk.faults.pushes, { drop: 0.3 });
    run.wire.refusesConnections = 4;
    run.wire.cut();
    run.move('94.90');
    await run.pass(9_000);
    expect(run.filledLevels()).toEqual([1, 2]);
    ends(run);
  });

  it('a socket that is open and says nothing: REST finds the fill, and an event says so (S9)', async () => {
    const run = await started();
    Object.assign(run.desk.faults.pushes, { isMute: true });
    run.move('97.00');
    await run.pass(8_000);
    expect(run.filledLevels()).toEqual([1]);
    expect(run.kinds()).toContain('pushes_missing');
    ends(run);
  });

  it('fills that are pushed twice, late and again by REST, over a restart, are booked once (S10)', async () => {
    const run = await started();
    Object.assign(run.desk.faults.pushes, { duplicate: 1, reorder: 0.5, delay: [0, 400], doublesFilled: true });
    run.move('97.00');
    await run.pass(1_000);
    run.restart();
    await run.pass(12_000);
    expect(run.filledLevels()).toEqual([1]);
    ends(run);
  });

  it('a level that fills in 7 parts: the take profit closes all of it within 4 s, never more (S11)', async () => {
    const run = await started();
    run.desk.faults.fills.push({
      match: ({ clientId }) => clientId.includes('-L01-'),
      parts: [0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1],
      every: 700,
    });
    run.move('97.00');
    await run.pass(10_000);
    expect(run.filledLevels()).toEqual([1]);
    ends(run);
  });

  it('14 own orders over several pages are known again after SIGKILL (S13)', async () => {
    const run = new RunSession(kind, {
      config: {
        settings: {
          side: 'long',
          leverage: '10',
          levels: 15,
          coverage: '0.3',
          multiplier: '1.1',
          takeProfit: '0.02',
          sizing: 'full',
          marginMode: 'isolated',
        },
      },
    }).start();
    await run.until('the ladder rests', () => run.levels().length === 14);
    const ids = run.levels().map(({ id }) => id);
    run.restart();
    await run.pass(12_000);
    expect(run.levels().map(({ id }) => id)).toEqual(ids);
    ends(run);
  });

  it('a rest below the minimum is closed by market at the take profit; where that is refused, the run halts (S12, S49)', async () => {
    const run = await started();
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-T'), 1);
    run.desk.faults.fills.push({ match: ({ clientId }) => clientId.includes('-L01-'), parts: [0.001, 0.9], every: 10_000_000 });
    run.move('97.00');
    await run.until('dust', () => run.kinds().includes('dust'));
    expect(run.takeProfits()).toEqual([]);
    run.move('110.00');
    await halts(run, 'dust');
  });

  it('the owner trades by hand: an event, a halt, no further order, own orders stay (S14, S32)', async () => {
    const run = await started();
    const resting = run.open().length;
    run.trade('sell', '1', true);
    await halts(run, 'mismatch');
    // In hedge mode Bitget itself cancels a resting close for one by market.
    expect(run.open()).toHaveLength(kind[0] === 'bitget' && kind[2] === 'hedge' ? resting - 1 : resting);
  });

  it('the owner cancels a level by hand: halt (S14)', async () => {
    const run = await started();
    run.desk.engine.cancel(run.levels()[1] as never);
    await halts(run, 'mismatch');
  });

  it.each(['liquidation', 'adl'] as const)('%s is booked and halts the run (S15)', async (cause) => {
    const run = await started();
    const position = run.desk.engine.ledger.openOf(run.owner)[0] as never;
    if (cause === 'adl') run.desk.engine.deleverage(position, run.held().div(2));
    else run.desk.engine.liquidate(position);
    await halts(run, cause);
    expect(run.store.fills().at(-1)?.cause).toBe(cause);
    expect(run.runner.state.held).toBe(run.held().toString());
  });

  it('limits of the exchange are kept; after a ban it is silent as long as asked, and the ladder stays (S18)', async () => {
    const run = await started();
    run.desk.ban(60_000);
    await run.pass(4_000);
    const sent = run.desk.requests.length;
    const resting = run.open().length;
    await run.pass(50_000);
    expect([run.desk.requests.length, run.open().length]).toEqual([sent, resting]);
    expect(run.kinds()).toContain('ban');
    expect(run.faults).toEqual([]);
  });

  it.each([40_000, -3_000])('a clock that is off by %i ms is measured, and the run goes on (S19, S35)', async (skew) => {
    const run = await started();
    run.wire.skew = skew;
    run.move('97.00');
    await run.pass(12_000);
    expect(run.filledLevels()).toEqual([1]);
    ends(run);
  });

  it('fees in another coin are booked by coin: what is held and its average are untouched, and the profit names them (S50)', async () => {
    const run = new RunSession(kind, { seed: 5 });
    run.owner.feeCoin = 'BGB';
    await run.start().working();
    const { held, cost } = run.runner.state;
    expect([held, Number(cost) / Number(held)]).toEqual([run.held().toString(), 100.01]);
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    const { fees, realised } = run.runner.state.books;
    expect([Object.keys(fees), Number(fees.BGB) > 0.5, Number(realised) > 10]).toEqual([['BGB'], true, true]);
    expect(run.events.filter(({ message }) => /fees are taken in BGB/.test(message)).length).toBeGreaterThan(0);
    run.checkMoney();
    ends(run);
  });

  it('funding that is paid three times in a cycle is booked once each, and is no mismatch (S20)', async () => {
    const run = await started({ accounts: { paysFunding: false } });
    for (const rate of [0.001, -0.0004, 0.002]) {
      run.desk.engine.fund(run.desk.symbol('ETHUSDT'), run.held().mul(0).plus(rate));
      await run.pass(62_000);
    }
    run.restart();
    await run.pass(2_000);
    expect(run.kinds().filter((one) => one === 'funding')).toHaveLength(3);
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    run.checkMoney();
    expect(Number(run.runner.state.books.funding)).toBeLessThan(-1);
    ends(run);
  });

  it('funding of a position of the owner is not of the run (S20)', async () => {
    const run = new RunSession(kind, { accounts: { paysFunding: false } });
    run.trade('buy', '1', false);
    run.desk.engine.fund(run.desk.symbol('ETHUSDT'), run.held().mul(0).plus(0.001));
    run.trade('sell', '1', true);
    run.start();
    await run.working();
    await run.pass(62_000);
    expect(run.runner.state.books.funding).toBe('0');
    ends(run);
  });

  it('funding that the key may not read ends no run, and is said once (S20)', async () => {
    const run = new RunSession(kind);
    const [code, match] =
      kind[0] === 'bitget' ? ['40014', { path: /financial-records|account\/bill/ }] : ['10005', { holds: 'execType=Funding' }];
    run.desk.faults.request({ when: 'before', answer: { code } }, { ...match, times: 99 });
    run.start();
    await run.working();
    await run.pass(130_000);
    expect(run.kinds().filter((one) => one === 'funding_unread')).toHaveLength(1);
    ends(run);
  });

  it('margin that does not suffice for a level: the rest stays, one alarm, placed when there is some (S21)', async () => {
    const run = new RunSession(kind, { account: { balances: { USDT: '700' } } }).start();
    await run.until('short', () => run.kinds().includes('short'));
    await run.pass(70_000);
    expect(run.takeProfits()).toHaveLength(1);
    const resting = run.levels().length;
    expect(resting).toBeLessThan(4);
    expect(run.kinds().filter((one) => one === 'short')).toHaveLength(1);
    run.desk.deposit(run.owner, 'USDT', '1000');
    await run.until('the ladder rests', () => run.levels().length === 4, 70_000);
    ends(run);
  });

  it.each(['keep', 'levels', 'cancel', 'close'] as const)(
    'stop --%s leaves what it says; orders of the owner are untouched (S26)',
    async (mode) => {
      const run = await started();
      run.move('97.00');
      await run.pass(4_000);
      const manual = [run.trade('buy', '0.5', false, '70'), run.trade('buy', '0.5', false, '71')];
      run.desk.faults.request({ when: 'before', answer: 'cut' }, { path: /cancel/, times: 1 });
      run.stop(mode);
      await run.until('it ends', () => run.ended !== undefined);
      expect(run.ended).toBe(0);
      const left = { keep: [3, 1, true], levels: [0, 1, true], cancel: [0, 0, true], close: [0, 0, false] }[mode];
      expect([run.levels().length, run.takeProfits().length, run.held().gt(0)]).toEqual(left);
      expect(manual.every((order) => run.isOpen(order))).toBe(true);
      expect(run.faults).toEqual([]);
    },
  );

  it('a level out of the band is deferred and tried again; the others are not affected (S29)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.questions.farBand = 0.07;
    run.start();
    await run.until('one is deferred', () => run.kinds().includes('deferred'));
    expect(run.levels()).toHaveLength(3);
    run.desk.faults.questions.farBand = undefined;
    await run.until('the ladder rests', () => run.levels().length === 4, 60_000);
    ends(run);
  });

  it('no more cycles within an hour than allowed, and the pause is kept (S30)', async () => {
    const run = new RunSession(kind, {
      config: { restart: 5_000, limits: { maxDeposit: '1000', maxOrders: 100, maxCyclesPerHour: 2 } },
    }).start();
    for (let cycle = 1; cycle <= 2; cycle++) {
      await run.until('a take profit', () => run.runner.state.cycle === cycle && run.takeProfits().length === 1);
      run.move((103 * 1.03 ** cycle).toFixed(2));
      await run.until('the cycle ends', () => run.kinds().filter((one) => one === 'cycle_end').length === cycle);
    }
    await run.pass(30_000);
    expect([run.runner.state.cycle, run.open().length]).toEqual([2, 0]);
    ends(run);
  });

  it('maintenance: no order meanwhile, one alarm, then it goes on (S31)', async () => {
    const run = await started();
    run.desk.faults.maintain(run.desk.now() + 100_000);
    await run.pass(5_000);
    const placed = run.ofRole(/-/).length;
    run.move('97.00');
    await run.pass(90_000);
    expect(run.ofRole(/-/).length).toBe(placed);
    await run.pass(45_000);
    expect(run.filledLevels()).toEqual([1]);
    ends(run);
  });

  it('an order of this run that its database does not know: another copy is at work (S33)', async () => {
    const run = await started();
    run.desk.engine.place({ ...run.request('buy', '0.5', '80'), clientId: 'm-abc123-zzz-1-L09-0' });
    await halts(run, 'other_copy');
  });

  it('an old copy of the database halts before it sends anything (S33, S54)', async () => {
    const run = await started();
    const old = structuredClone(run.store.state) as NonNullable<typeof run.store.state>;
    run.move('97.00');
    await run.pass(4_000);
    run.wire.kill();
    run.forget(old);
    const writes = run.desk.requests.filter((one) => one.writes).length;
    run.restart();
    await run.until('it halts', () => run.ended !== undefined);
    expect(run.ended).toBe(4);
    expect(run.desk.requests.filter((one) => one.writes).length).toBe(writes);
  });

  it('an unknown order while the network is down stays unknown: nothing new for its role (S34, I13)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.request({ when: 'after', answer: 'cut' }, { path: PLACE });
    run.start();
    await run.until('the entry is sent', () => run.ofRole(/-E-/).length === 1);
    Object.assign(run.desk.faults.pushes, { isMute: true });
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { method: 'GET', times: 100_000 });
    await run.pass(150_000);
    expect(run.ofRole(/-E-/)).toHaveLength(1);
    expect(run.kinds()).not.toContain('absent');
    expect(run.kinds().filter((one) => one === 'errors')).toHaveLength(1);
    run.desk.faults.clear();
    await run.working();
    ends(run);
  });

  it('fills that the list shows 8 s after the order: the take profit follows the fills (S36)', async () => {
    const run = await started();
    Object.assign(run.desk.faults.pushes, { isMute: true });
    run.desk.faults.lags.fills = 8_000;
    run.move('97.00');
    await run.pass(25_000);
    expect(run.filledLevels()).toEqual([1]);
    ends(run);
  });

  it('a level that fills while it is cancelled, or while the run waits, brings its cycle back (S37, S38)', async () => {
    const run = await started();
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-L01-'), 1);
    run.move('103.00');
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    const kinds = run.kinds();
    expect(kinds.indexOf('late_fill')).toBeGreaterThan(0);
    expect(kinds.lastIndexOf('cycle_end')).toBeGreaterThan(kinds.indexOf('late_fill'));
    expect(run.store.fills().filter(({ clientId }) => clientId?.includes('-1-L01-'))).toHaveLength(1);
    ends(run);
  });

  it('what fills late far beyond its take profit is closed by market where the exchange refuses the price', async () => {
    const run = await started();
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-L01-'), 1);
    run.move('110.00');
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    const closes = run.store.fills().filter(({ clientId }) => clientId?.includes('-1-X'));
    expect(closes).toHaveLength(kind[0] === 'bitget' ? 1 : 0);
    expect(run.kinds()).toContain('late_fill');
    expect(run.kinds()).not.toContain('unprotected');
    ends(run);
  });

  it('success without effect: a place vanishes and is placed again (S39)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.request({ when: 'no-effect' }, { path: PLACE, holds: '-E-' });
    run.start();
    await run.until('it has vanished', () => run.kinds().includes('vanished'));
    await run.working();
    ends(run);
  });

  it('success without effect: a cancel counts for nothing until a read says so (S39)', async () => {
    const run = await started();
    run.desk.faults.request({ when: 'no-effect' }, { path: /cancel/ });
    run.move('97.00');
    await run.pass(12_000);
    expect(run.takeProfits()).toHaveLength(1);
    ends(run);
  });

  it('a position mode that is changed between two cycles halts the run before it holds anything (S16)', async () => {
    const run = await started();
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    const settings = run.desk.engine.ledger.settings(run.owner, run.desk.symbol('ETHUSDT'));
    for (const one of [run.owner, settings]) one.holdMode = kind[2] === 'hedge' ? 'one-way' : 'hedge';
    await run.until('it halts', () => run.ended !== undefined, 30_000);
    expect([run.ended, run.held().toString(), run.open()]).toEqual([4, '0', []]);
    expect(run.runner.state.halt?.kind).toBe('position_mode');
  });

  it('a take profit that the price has left far behind closes what is held, moved into the band or by market (S40)', async () => {
    const run = new RunSession(kind, { config: { restart: 5_000 } }).start();
    await run.until('the entry fills', () => run.held().gt(0));
    run.move('130.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    const isMoved = kind[0] === 'bybit';
    expect(run.kinds().filter((one) => one === 'price_moved')).toHaveLength(isMoved ? 1 : 0);
    expect([run.ofRole(/-1-T\d+-/), run.ofRole(/-1-X/)].map(({ length }) => length)).toEqual(isMoved ? [1, 0] : [0, 1]);
    expect(run.ofRole(/-1-L/)).toEqual([]);
    ends(run);
  });

  it('a ladder whose take profit would be above the maximum of one order does not begin (S41)', async () => {
    const run = new RunSession(kind, { rules: { maxAmount: '60' } }).start();
    await run.until('it says why', () => run.kinds().includes('no_cycle'));
    await run.pass(10_000);
    expect(run.desk.requests.filter((one) => one.writes)).toEqual([]);
    run.rules = { ...run.rules, maxAmount: '120000' };
    await run.working(90_000);
    ends(run);
  });

  it('a liquidation price that passes the last open level is an alarm, once (S44)', async () => {
    const run = await started();
    const { ledger } = run.desk.engine;
    const position = ledger.openOf(run.owner)[0] as NonNullable<ReturnType<typeof ledger.openOf>[number]>;
    expect(run.kinds()).not.toContain('liquidation_near');
    ledger.put({ ...position, margin: position.margin.mul(0.2) });
    await run.pass(8_000);
    expect(run.kinds().filter((one) => one === 'liquidation_near')).toHaveLength(1);
    expect(run.runner.state.halt).toBeUndefined();
    expect(run.levels()).toHaveLength(4);
  });

  it('a symbol that is to be delisted: an alarm, the cycle goes on, no other begins (S45)', async () => {
    const run = await started();
    run.refusal = 'ETHUSDT expires within 7 days';
    run.restart();
    await run.pass(5_000);
    expect(run.kinds().filter((one) => one === 'symbol')).toHaveLength(1);
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    const placed = run.ofRole(/-/).length;
    await run.pass(130_000);
    expect([run.runner.state.cycle, run.ofRole(/-/).length]).toEqual([1, placed]);
    expect(run.kinds().filter((one) => one === 'no_cycle')).toHaveLength(1);
    ends(run);
  });

  it('a position that the exchange settles ends its cycle, without a loop of orders (S45)', async () => {
    const run = await started();
    const { engine } = run.desk;
    engine.close(engine.ledger.openOf(run.owner)[0] as never, 'settlement', engine.ledger.mark(run.desk.symbol('ETHUSDT')));
    run.refusal = 'ETHUSDT is not trading (status settled)';
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    const placed = run.ofRole(/-/).length;
    await run.pass(130_000);
    expect([run.ofRole(/-/).length, run.runner.state.halt, run.open()]).toEqual([placed, undefined, []]);
    expect(run.store.fills().at(-1)?.cause).toBe('settlement');
  });

  it('rules that change under a ladder: what rests stays, what is placed fits the new ones (S46)', async () => {
    const run = await started();
    const resting = run.levels().map(({ id }) => id);
    run.rules = { ...run.rules, tick: '0.5' };
    run.restart();
    await run.pass(5_000);
    expect(run.levels().map(({ id }) => id)).toEqual(resting);
    run.move('97.00');
    await run.pass(8_000);
    const [target] = run.takeProfits();
    expect(Number(target?.price) % 0.5).toBe(0);
    ends(run);
  });

  it('a list that was asked for before a push and answers after it undoes nothing (S51, I15)', async () => {
    const run = await started();
    Object.assign(run.desk.faults.lags, { open: 3_000, detail: 3_000, history: 3_000, positions: 1_000 });
    run.move('94.90');
    await run.pass(12_000);
    expect(run.filledLevels()).toEqual([1, 2]);
    ends(run);
  });

  it('what the owner has closed by hand is written off by --resume, and the next cycle begins', async () => {
    const run = await started();
    run.trade('sell', run.held().toString(), true);
    await halts(run, 'mismatch');
    for (const order of run.open()) run.desk.engine.cancel(order as never);
    run.restart({ resume: true });
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    expect(run.kinds()).toContain('written_off');
    ends(run);
  });

  it('a liquidated run begins its next cycle after --resume', async () => {
    const run = await started();
    run.desk.engine.liquidate(run.desk.engine.ledger.openOf(run.owner)[0] as never);
    await halts(run, 'liquidation');
    run.restart({ resume: true });
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    ends(run);
  });

  it('leverage or margin mode changed by hand halts at the next read (S42)', async () => {
    const run = await started();
    const eight = run.held().div(run.held()).mul(8);
    run.desk.engine.setLeverage(run.owner, run.desk.symbol('ETHUSDT'), { long: eight, short: eight });
    await halts(run, 'leverage');
  });

  it('an isolated plan whose entry opens a cross position holds one level, not fifteen (S42)', async () => {
    if (kind[0] === 'bybit' || kind[1] === 'classic') return;
    const run = new RunSession(kind, { account: { marginMode: 'cross' } });
    run.desk.faults.questions.ignoresOrderMarginMode = true;
    run.start();
    await halts(run, 'margin_mode');
    expect(run.ofRole(/-L/)).toEqual([]);
  });

  it('price jumps past all levels before they rest: each fills once (S47)', async () => {
    const run = new RunSession(kind).start();
    await run.until('the take profit rests', () => run.takeProfits().length === 1);
    run.move('94.50');
    await run.pass(10_000);
    expect(run.filledLevels()).toEqual([1, 2]);
    ends(run);
  });

  it('entries that are refused use up no cycle, and no id twice', async () => {
    const limits = { maxDeposit: '1000', maxOrders: 100, maxCyclesPerHour: 30, maxCycles: 1 };
    const run = new RunSession(kind, { account: { balances: { USDT: '10' } }, config: { limits } }).start();
    await run.until('three are refused', () => run.runner.state.books.rejected === 3, 200_000);
    expect(run.runner.state.cycle).toBe(0);
    run.desk.deposit(run.owner, 'USDT', '2000');
    await run.working();
    expect(run.runner.state.cycle).toBe(1);
    const ids = run.store.intents().map(({ clientId }) => clientId);
    expect(new Set(ids).size).toBe(ids.length);
    run.move('103.00');
    await run.until('it has done its cycle', () => run.ended !== undefined);
    expect([run.ended, run.runner.state.books.cycles, run.faults]).toEqual([0, 1, []]);
  });

  it('an entry that fills in part goes on with that; one that does not fill three times halts (S48)', async () => {
    const part = new RunSession(kind);
    part.desk.faults.fills.push({ match: ({ clientId }) => clientId.includes('-E-'), parts: [0.5], every: 1 });
    part.start();
    await part.working();
    ends(part);
    const none = new RunSession(kind);
    none.desk.faults.fills.push({ match: ({ clientId }) => clientId.includes('-E-'), parts: [0.00001], every: 1 });
    none.start();
    await halts(none, 'entry', 60_000);
  });

  it('a position read that is 3 s behind a burst of fills is no mismatch (S52)', async () => {
    const run = await started();
    run.desk.faults.lags.positions = 3_000;
    run.move('92.00');
    await run.pass(12_000);
    expect(run.runner.state.halt).toBeUndefined();
    ends(run);
  });

  it('a commit that fails ends the process before anything is sent (S53, I17)', async () => {
    const run = new RunSession(kind);
    let left = 6;
    run.failCommits(() => --left <= 0);
    run.start();
    await run.until('it ends', () => run.ended !== undefined);
    const sent = run.desk.requests.filter((one) => one.writes).length;
    await run.pass(5_000);
    expect(run.ended).toBeInstanceOf(Error);
    expect(run.desk.requests.filter((one) => one.writes).length).toBe(sent);
    run.failCommits(() => false);
    run.restart();
    await run.working();
    ends(run);
  });

  it.each([
    ['key', { code: kind[0] === 'bitget' ? '40006' : '10004' }],
    ['region', { status: 403, body: 'country is restricted' }],
  ] as const)('%s: exit 5, orders are kept, no loop (S57, S60)', async (what, answer) => {
    if (what === 'region' && kind[0] === 'bitget') return;
    const run = await started();
    const resting = run.open().length;
    run.desk.faults.request({ when: 'before', answer }, { path: /position/, times: 10 });
    await run.until('it ends', () => run.ended !== undefined);
    expect([run.ended, run.open().length]).toEqual([5, resting]);
    expect(run.faults).toEqual([]);
  });

  it('orders and positions that are not of this run: refused at the start, by their id (S25, S59)', async () => {
    const order = new RunSession(kind);
    order.trade('buy', '0.5', false, '80');
    order.start();
    await halts(order, 'foreign_order');
    const position = new RunSession(kind);
    position.trade('buy', '0.5', false);
    position.start();
    await halts(position, 'foreign_position');
    expect([...order.desk.requests, ...position.desk.requests].filter((one) => one.writes)).toEqual([]);
  });

  it('a halted run places nothing when it is started again; --resume goes on after a clean read', async () => {
    const run = await started();
    run.trade('sell', '1', true);
    await halts(run, 'mismatch');
    const writes = run.desk.requests.length;
    run.restart();
    await run.until('it ends', () => run.ended !== undefined);
    expect([run.ended, run.desk.requests.length]).toEqual([4, writes]);
    run.trade('buy', '1', false);
    run.restart({ resume: true });
    await run.working();
    await run.pass(4_000);
    ends(run);
  });

  it('a limit of loss halts, with what is left to the owner (--max-loss)', async () => {
    const run = new RunSession(kind, {
      config: { onHalt: 'close', limits: { maxDeposit: '1000', maxLoss: '50', maxOrders: 100, maxCyclesPerHour: 30 } },
    }).start();
    await run.working();
    run.move('95.50');
    await halts(run, 'max_loss');
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
  });

  it('a short grid mirrors a long one', async () => {
    const run = await started({ config: { side: 'short' } });
    run.move('103.00');
    await run.pass(4_000);
    expect(run.filledLevels()).toEqual([1]);
    run.settle();
    run.move('97.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    ends(run);
  });

  it('begins no new cycle where it may not, and manages the one that is open', async () => {
    const run = await started();
    run.noNewCycle = 'conformance is missing';
    run.restart();
    run.move('97.00');
    await run.pass(8_000);
    run.settle();
    run.move('104.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    await run.pass(20_000);
    expect([run.runner.state.cycle, run.open().length]).toEqual([1, 0]);
    const said = run.events.filter((event) => event.kind === 'idle').map(({ message }) => message);
    expect(said).toEqual(['no cycle begins: conformance is missing']);
    ends(run);
  });
});
