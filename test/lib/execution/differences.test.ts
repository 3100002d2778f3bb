import { describe, expect, it } from 'vitest';
import { differencesOf } from '../../../src/lib/execution/differences.js';
import { ALL_KINDS, RunSession } from '../../support/run-session.js';

describe.each(ALL_KINDS.map((kind) => ({ kind })))('journal and exchange, $kind', ({ kind }) => {
  /** Reads the exchange as it is, and compares. */
  const differences = async (run: RunSession) => {
    const { market, symbol, settle } = run.store.config;
    const scope = { market, symbol, settle };
    const client = run.client();
    const read = Promise.all([client.read(run.family.openOrders(scope)), client.read(run.family.positions(scope))]);
    let view: Awaited<typeof read> | undefined;
    read.then((pages) => {
      view = pages;
    });
    while (view === undefined) await run.wire.jump(100);
    const [orders, positions] = view;
    return differencesOf(run.runner.state, run.store.config, { orders: orders.items, positions: positions.items });
  };

  const stopped = async () => {
    const run = new RunSession(kind).start();
    await run.working();
    run.stop('keep');
    await run.until('it ends', () => run.ended !== undefined);
    return run;
  };

  it('agree where nothing has happened, and each thing that did is named', async () => {
    const run = await stopped();
    expect(await differences(run)).toEqual([]);
    const [first, second] = run.levels();
    run.desk.engine.cancel(first as never);
    run.desk.engine.fill(second as never, 0.5);
    run.desk.engine.place({ ...run.request('buy', '0.5', '80'), clientId: 'm-abc123-zzz-1-L09-0' });
    const manual = run.trade('buy', '0.5', false, '70');
    const eight = run.held().div(run.held()).mul(8);
    run.desk.engine.setLeverage(run.owner, run.desk.symbol('ETHUSDT'), { long: eight, short: eight });
    const half = run.desk.engine.orders.get((second as NonNullable<typeof second>).id)?.filled;
    expect((await differences(run)).sort()).toEqual(
      [
        `${first?.clientId} rests in the journal and not on the exchange`,
        `${second?.clientId} has filled 0 in the journal, ${half} on the exchange`,
        'm-abc123-zzz-1-L09-0 is an order of this run that rests on the exchange and not in the journal',
        `order ${manual.id} is not of this run`,
        `the journal holds ${run.runner.state.held}, the position is ${run.held()}`,
        'the leverage is 8, planned is 10',
      ].sort(),
    );
  });

  it('differ in an order of which nobody knows what became', async () => {
    const run = await stopped();
    const [order] = run.runner.state.orders.filter(({ role }) => role === 'level');
    Object.assign(order as object, { state: 'unknown' });
    expect(await differences(run)).toEqual([`${order?.clientId}: what became of it is not known here, it rests`]);
  });
});
