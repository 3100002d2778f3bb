import { describe, expect, it } from 'vitest';
import { checkAccount } from '../../../src/lib/execution/live/check.js';
import type { RunConfig } from '../../../src/lib/execution/state.js';
import { Decimal } from '../../support/exchange-server/accounts/engine/decimals.js';
import { ALL_KINDS, RunSession } from '../../support/run-session.js';

type Checked = Awaited<ReturnType<typeof checkAccount>>;

describe.each(ALL_KINDS.map((kind) => ({ kind })))('an account on $kind before a run trades on it', ({ kind }) => {
  const check = (run: RunSession, more: Partial<RunConfig> = {}, isOpen = false): Promise<Checked | Error> => {
    const config = { ...run.store.config, ...more };
    return run.during(checkAccount({ client: run.client(), family: run.family, config, sharesMargin: false, isOpen }));
  };
  const other = (run: RunSession) => ({ ...run.request('buy', '0.001', '50000'), symbol: run.desk.symbol('BTCUSDT') });
  const refused = async (checked: Promise<Checked | Error>, code: number, words: RegExp) =>
    expect(await checked).toMatchObject({ exitCode: code, message: expect.stringMatching(words) });
  const settings = (run: RunSession) => run.desk.engine.ledger.settings(run.owner, run.desk.symbol('ETHUSDT'));
  const leverageOf = (run: RunSession) => settings(run).longLeverage;
  /** Unified accounts of Bitget set the leverage of each side by itself. */
  const sets = kind[0] === 'bitget' && kind[1] === 'unified' && kind[2] === 'hedge' ? 2 : 1;
  const writes = (run: RunSession) => run.desk.requests.filter((one) => one.writes).length;

  it('that is as planned is taken as it is: nothing is set', async () => {
    const run = new RunSession(kind);
    expect(await check(run)).toMatchObject({ warnings: [expect.stringMatching(/not bound to an IP/)] });
    expect(writes(run)).toBe(0);
  });

  it('has another leverage: it is set while nothing rests, and read back', async () => {
    const run = new RunSession(kind);
    expect(await check(run, { leverage: '7' })).not.toBeInstanceOf(Error);
    expect([leverageOf(run).toString(), writes(run)]).toEqual(['7', sets]);
    expect(settings(run).shortLeverage.toString()).toBe('7');
  });

  it('shows another leverage on the side of the run alone: it is set, and the other side is not looked at', async () => {
    if (kind[2] !== 'hedge') return;
    const run = new RunSession(kind, { config: { side: 'short' } });
    const { desk, owner } = run;
    const [five, ten] = [new Decimal(5), new Decimal(10)];
    desk.engine.setLeverage(owner, desk.symbol('ETHUSDT'), { long: ten, short: five });
    expect(await check(run)).not.toBeInstanceOf(Error);
    expect(settings(run).shortLeverage.toString()).toBe('10');
  });

  it('says success to a leverage and does not set it: refused before the first order (S39)', async () => {
    const run = new RunSession(kind);
    run.desk.faults.request({ when: 'no-effect' }, { method: 'POST', times: sets });
    await refused(check(run, { leverage: '7' }), 4, /was set to 7 and is shown as 10/);
  });

  it('has another leverage and an order, or a position, of anybody: named, and nothing is changed (S43)', async () => {
    const order = new RunSession(kind);
    const { id } = order.trade('buy', '0.5', false, '80');
    await refused(check(order, { leverage: '7' }), 2, new RegExp(`order ${order.desk.engine.orders.get(id)?.id} rests`));
    const position = new RunSession(kind);
    position.trade('buy', '0.5', false);
    await refused(check(position, { leverage: '7' }), 2, /a position is open/);
    for (const run of [order, position]) expect([leverageOf(run).toString(), writes(run)]).toEqual(['10', 0]);
    expect(await check(position, { leverage: '7' }, true)).not.toBeInstanceOf(Error);
    expect(writes(position)).toBe(0);
  });

  it('is in the other position mode: refused with the setting, which is never switched (S16, S61)', async () => {
    const [mode, planned] = kind[2] === 'hedge' ? (['one-way', 'hedge'] as const) : (['hedge', 'one-way'] as const);
    const run = new RunSession(kind, { account: { holdMode: mode } });
    const words = `${mode} mode and eth is planned for ${planned} mode: change the position mode on the site.*--position-mode ${mode}`;
    await refused(check(run), 2, new RegExp(words));
    expect(writes(run)).toBe(0);
  });

  it('shares its balance under cross margin: refused, naming the symbol; isolated margin does not share (S58)', async () => {
    const run = new RunSession(kind, { account: { marginMode: 'cross' } });
    run.desk.engine.ledger.settings(run.owner, run.desk.symbol('ETHUSDT')).marginMode = 'cross';
    expect(await check(run, { marginMode: 'cross' })).not.toBeInstanceOf(Error);
    run.desk.engine.place(other(run));
    await refused(check(run, { marginMode: 'cross' }), 4, /BTCUSDT uses it too: use isolated margin, or --accept-shared-margin/);
    if (kind[2] === 'hedge') {
      // The other side of the same symbol uses the balance too.
      const both = new RunSession(kind, { account: { marginMode: 'cross' } });
      both.desk.engine.place({ ...both.request('sell', '0.5'), marginMode: 'cross' });
      await refused(check(both, { marginMode: 'cross' }), 4, /ETHUSDT uses it too/);
    }
    const isolated = new RunSession(kind);
    isolated.desk.engine.place(other(isolated));
    expect(await check(isolated)).not.toBeInstanceOf(Error);
  });

  it('is in another margin mode than planned: refused with the setting', async () => {
    const run = new RunSession(kind);
    run.desk.engine.ledger.settings(run.owner, run.desk.symbol('ETHUSDT')).marginMode = 'isolated';
    const checked = await check(run, { marginMode: 'cross' });
    // Unified accounts of Bitget say the margin mode of a symbol only once it was set.
    if (kind[0] === 'bitget' && kind[1] === 'unified' && !(checked instanceof Error)) return;
    expect(checked).toMatchObject({ exitCode: 2, message: expect.stringMatching(/margin mode of ETHUSDT is isolated/) });
  });

  it('is of somebody else than the run, or its key may withdraw or not trade: refused before anything else', async () => {
    const run = new RunSession(kind);
    await refused(check(run, { userId: '1' }), 5, /is of account \d+, the run eth is of 1/);
    run.key.canWithdraw = true;
    await refused(check(run), 4, /may withdraw/);
    run.key.canWithdraw = false;
    Object.assign(run.key, { manage: 'read', trade: 'read' });
    await refused(check(run), 5, /may not trade/);
    expect(writes(run)).toBe(0);
  });

  it('is found to be of its family by what the exchange answers, and never by a guess (S17)', async () => {
    const run = new RunSession(kind);
    expect(await run.during(run.client().family())).toMatchObject({ id: kind[1] });
    run.desk.faults.request({ when: 'before', answer: { code: kind[0] === 'bitget' ? '40725' : '10016' } }, { times: 100 });
    expect(await run.during(run.client().family())).toBeInstanceOf(Error);
  });
});
