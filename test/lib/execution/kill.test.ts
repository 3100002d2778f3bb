import { describe, expect, it } from 'vitest';
import { type KillResult, killSymbol, markKilled } from '../../../src/lib/execution/live/kill.js';
import { ALL_KINDS, RunSession } from '../../support/run-session.js';

describe.each(ALL_KINDS.map((kind) => ({ kind })))('a kill on $kind', ({ kind }) => {
  const working = async () => {
    const run = new RunSession(kind).start();
    await run.working();
    return run;
  };

  /** Kills the symbol while virtual time passes. */
  const killed = (run: RunSession, within = 60_000, sides?: 'both'): Promise<KillResult | Error> => {
    const { market, symbol, settle, side: own } = run.store.config;
    const side = sides ? undefined : own;
    const scope = { market, symbol, settle };
    const { timing } = run.wire;
    return run.during(killSymbol({ client: run.client(), family: run.family, scope, side, within, timing, note: () => {} }));
  };

  const stopped = async () => {
    const run = await working();
    run.stop('keep');
    await run.until('it ends', () => run.ended !== undefined);
    return run;
  };

  it('cancels what anybody placed, closes the position, and halts the run until --resume', async () => {
    const run = await stopped();
    run.trade('buy', '0.5', false, '70');
    expect(await killed(run)).toEqual({ isKnown: true, orders: [], positions: [] });
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
    // On classic accounts the request for a symbol is that for ids, without ids.
    expect(run.desk.violations.filter(({ rule }) => kind[1] !== 'classic' || rule !== 'wide-scope')).toEqual([]);
    markKilled(run.store, run.desk.now());
    run.restart();
    await run.until('it refuses', () => run.ended !== undefined);
    expect([run.ended, run.runner.state.halt?.kind]).toEqual([4, 'killed']);
    run.restart({ resume: true });
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4, 200_000);
    expect([run.kinds().filter((one) => one === 'written_off').length, run.faults]).toEqual([1, []]);
  });

  it('goes on when answers are lost, and when a level fills after the first close', async () => {
    const run = await stopped();
    run.desk.faults.request({ when: 'after', answer: 'cut' }, { method: 'POST', times: 2 });
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { method: 'GET', times: 2 });
    run.desk.faults.raceCancel(({ clientId }) => clientId.includes('-L02-'), 1);
    expect(await killed(run)).toMatchObject({ isKnown: true, orders: [], positions: [] });
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
  });

  it('says what remains where the exchange does not do it', async () => {
    const run = await stopped();
    run.desk.faults.request({ when: 'no-effect' }, { method: 'POST', times: 10_000 });
    const result = (await killed(run, 5_000)) as KillResult;
    expect([result.isKnown, result.orders.length, result.positions.length]).toEqual([true, 5, 1]);
    run.desk.faults.clear();
    run.desk.faults.request({ when: 'before', answer: 'cut' }, { method: 'GET', times: 10_000 });
    expect(await killed(run, 5_000)).toEqual({ isKnown: false, orders: [], positions: [] });
  });

  it('leaves the position of another side, and a key that is refused ends it', async () => {
    const run = new RunSession(kind);
    run.trade('sell', '0.5', false);
    const short = () => run.desk.engine.ledger.openOf(run.owner).map(({ side, amount }) => `${side} ${amount}`);
    const result = (await killed(run, 4_000)) as KillResult;
    // In hedge mode it is beside the side that was to be closed, and none of what remains of that.
    expect([result.positions.length, short()]).toEqual([kind[2] === 'hedge' ? 0 : 1, ['short 0.5']]);
    run.desk.faults.request({ when: 'before', answer: { code: kind[0] === 'bitget' ? '40006' : '10004' } }, { times: 10 });
    expect(await killed(run)).toBeInstanceOf(Error);
  });

  it('closes one side of two, or both where none is named', async () => {
    if (kind[2] !== 'hedge') return;
    const run = await stopped();
    run.trade('sell', '0.5', false);
    const held = () => run.desk.engine.ledger.openOf(run.owner).map(({ side }) => side);
    expect(await killed(run)).toEqual({ isKnown: true, orders: [], positions: [] });
    expect(held()).toEqual(['short']);
    expect(await killed(run, 60_000, 'both')).toEqual({ isKnown: true, orders: [], positions: [] });
    expect(held()).toEqual([]);
  });
});
