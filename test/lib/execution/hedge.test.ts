import { describe, expect, it } from 'vitest';
import type { PrivateOrder } from '../../../src/lib/exchanges/private-side.js';
import { closesOwn } from '../../../src/lib/execution/sides.js';
import { initialState, type RunConfig } from '../../../src/lib/execution/state.js';
import { step } from '../../../src/lib/execution/step.js';
import { isStopOrder } from '../../../src/lib/execution/stops.js';
import { Decimal } from '../../support/exchange-server/accounts/engine/decimals.js';
import { ALL_KINDS, HEDGE_KINDS, RunSession, type RunSessionOptions } from '../../support/run-session.js';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of every order that was sent. */
function sentOrders(run: RunSession): Fields[] {
  return run.desk.requests
    .filter(({ path }) => /place-order|place-batch|batch-place|order\/create/.test(path))
    .flatMap(({ body }) => {
      const sent = JSON.parse(body) as Fields & { orderList?: Fields[]; request?: Fields[] };
      return (Array.isArray(sent) ? sent : (sent.orderList ?? sent.request ?? [sent])) as Fields[];
    });
}

/** Plays a cycle in which a level fills, and ends the run by a close in the next one. */
async function played(run: RunSession): Promise<RunSession> {
  const isLong = run.store.config.side === 'long';
  await run.start().working();
  run.move(isLong ? '97.00' : '103.00');
  await run.pass(4_000);
  run.move(isLong ? '103.00' : '97.00');
  await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
  run.stop('close');
  await run.until('it ends', () => run.ended !== undefined);
  expect([run.ended, run.held().toString(), run.faults]).toEqual([0, '0', []]);
  return run;
}

/** Side, position side, trade side, index of the position and reduce-only, as each interface writes a buy or sell that opens or closes. */
type Written = (closes: boolean, trade: 'buy' | 'sell', position: 'long' | 'short') => readonly unknown[];
const WRITTEN: Readonly<Record<string, Written>> = {
  'bitget unified': (closes, trade) => [trade, undefined, undefined, undefined, closes ? 'yes' : undefined],
  'bitget classic': (closes, trade) => [trade, undefined, undefined, undefined, closes ? 'YES' : undefined],
  'bybit unified': (closes, trade) => [trade === 'buy' ? 'Buy' : 'Sell', undefined, undefined, 0, closes],
  'bitget unified hedge': (_, trade, position) => [trade, position, undefined, undefined, undefined],
  // The side of the position, not of the trade.
  'bitget classic hedge': (closes, _, position) => [
    ...[position === 'long' ? 'buy' : 'sell', undefined, closes ? 'close' : 'open', undefined, undefined],
  ],
  'bybit unified hedge': (closes, trade, position) => [
    ...[trade === 'buy' ? 'Buy' : 'Sell', undefined, undefined, position === 'long' ? 1 : 2, closes],
  ],
};

describe.each(ALL_KINDS.map((kind) => ({ kind })))('the orders of a run on $kind', ({ kind }) => {
  const mode = kind[2];
  const sides = mode === undefined ? (['long'] as const) : (['long', 'short'] as const);

  it.each(sides)('%s: each names its position in hedge mode, and none does in one-way mode, as before', async (position) => {
    const run = await played(new RunSession(kind, { config: { side: position, restart: 3_000 }, isCheckedSeldom: true }));
    // A run of an earlier version says no mode.
    expect(run.store.config.positionMode).toBe(mode);
    const seen = new Set<boolean>();
    for (const { side, posSide, tradeSide, positionIdx, reduceOnly, clientOid, orderLinkId } of sentOrders(run)) {
      const closes = /-(?:T\d+|X)-/.test(String(clientOid ?? orderLinkId));
      seen.add(closes);
      const trade = closes === (position === 'long') ? 'sell' : 'buy';
      const expected = WRITTEN[kind.join(' ')]?.(closes, trade, position);
      expect([side, posSide, tradeSide, positionIdx, reduceOnly]).toEqual(expected);
    }
    expect([...seen].sort()).toEqual([false, true]);
    const rows = run.store.outbox(-1, 10_000).map(({ record }) => record);
    const named = new Set(rows.flatMap((row) => (row.type === 'order' || row.type === 'fill' ? [row.positionSide] : [])));
    const modes = new Set(rows.flatMap((row) => (row.type === 'position' ? [row.positionMode] : [])));
    expect([[...named], [...modes]]).toEqual([[mode && position], [mode ?? 'one_way']]);
  });
});

describe.each(HEDGE_KINDS.map((kind) => ({ kind })))('somebody else on the other side, $kind', ({ kind }) => {
  const started = async (options: RunSessionOptions = {}) => {
    const run = new RunSession(kind, { ...options, config: { restart: 3_000, ...options.config } }).start();
    await run.working();
    return run;
  };
  const short = (run: RunSession) =>
    run.desk.engine.ledger.openOf(run.owner).find(({ side }) => side === 'short') as NonNullable<ReturnType<typeof run.position>>;
  const said = (run: RunSession, what: string) => run.kinds().filter((one) => one === what).length;

  it('is there before: refused at the start, with its side; nothing is sent', async () => {
    const position = new RunSession(kind);
    position.trade('sell', '0.5', false);
    const order = new RunSession(kind);
    order.trade('sell', '0.5', false, '120');
    for (const [run, halt] of [
      [position, 'foreign_position'],
      [order, 'foreign_order'],
    ] as const) {
      run.start();
      await run.until('it refuses', () => run.ended !== undefined);
      expect([run.ended, run.runner.state.halt?.kind]).toEqual([4, halt]);
      expect(run.desk.requests.filter(({ writes }) => writes)).toEqual([]);
    }
    expect(position.runner.state.halt?.message).toBe('a short position of 0.5 in ETHUSDT is not of this run: close it first');
  });

  it('comes while it runs: the cycle goes on and ends without touching it, and the next one waits until it is gone', async () => {
    const run = await started();
    run.trade('sell', '40', false);
    run.trade('buy', '1', true, '90');
    run.move('97.00');
    await run.pass(14_000);
    expect([run.runner.state.halt, run.filledLevels(), said(run, 'other_side')]).toEqual([undefined, [1], 1]);
    run.settle();
    run.restart();
    await run.pass(3_000);
    expect(run.ended).toBe(4);
    expect(run.runner.state.halt?.kind).toBe('foreign_order');
    for (const order of run.open()) if (!order.clientId.startsWith('m-')) run.desk.engine.cancel(order);
    run.restart();
    await run.pass(8_000);
    run.settle();
    run.move('103.00');
    await run.until('the cycle ends', () => run.kinds().includes('cycle_end'));
    await run.pass(20_000);
    expect([run.runner.state.cycle, run.open(), short(run).amount.toString()]).toEqual([1, [], '40']);
    expect(run.events.at(-1)?.message).toBe('no cycle begins: a short position of 40 in ETHUSDT is held beside this run');
    run.trade('buy', '40', true);
    await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
    run.settle();
    expect([run.faults, run.ended]).toEqual([[], undefined]);
  });

  it.each(['liquidation', 'adl', 'close by hand'] as const)('its %s is nothing to the run', async (what) => {
    const run = await started();
    run.trade('sell', '2', false);
    await run.pass(3_000);
    if (what === 'liquidation') run.desk.engine.liquidate(short(run));
    else if (what === 'adl') run.desk.engine.deleverage(short(run), new Decimal(1));
    else run.trade('buy', '2', true);
    await run.pass(14_000);
    const { held, halt, books } = run.runner.state;
    expect([halt?.kind, held, books.fills, books.realised]).toEqual([undefined, run.held().toString(), 1, '0']);
    expect(run.store.fills().map(({ cause }) => cause)).toEqual(['order']);
    run.settle();
    expect(run.faults).toEqual([]);
  });

  it('funding while both are held is in no figure, and is said; before and after it is', async () => {
    const run = await started({ accounts: { paysFunding: false }, isCheckedSeldom: true });
    const pay = async (rate: string) => {
      run.desk.engine.fund(run.desk.symbol('ETHUSDT'), new Decimal(rate));
      await run.pass(3_000);
    };
    await pay('0.001');
    run.trade('sell', '40', false);
    await pay('0.02');
    run.trade('buy', '40', true);
    await run.pass(3_000);
    await pay('0.002');
    await run.pass(60_000);
    const paid = run.desk.engine.fills.filter(({ kind: what, order }) => what === 'funding' && order.slot === 'long');
    const [first, shared, last] = paid.map(({ fee }) => fee) as [Decimal, Decimal, Decimal];
    expect(shared.gt(first)).toBe(true);
    expect(run.runner.state.books.funding).toBe(first.plus(last).neg().toString());
    expect([said(run, 'funding_shared'), said(run, 'other_side')]).toEqual([2, 1]);
  });

  it('a stop of the exchange for it is not taken for that of the run', async () => {
    if (kind[1] === 'classic') return;
    const run = await started({ config: { exchangeStop: { share: '0.09' } } });
    run.trade('sell', '2', false);
    run.desk.engine.setStop(short(run), new Decimal(120));
    await run.pass(8_000);
    expect([run.runner.state.halt, run.position()?.stopLoss.toString()]).toEqual([undefined, '91']);
    expect(run.runner.state.stop.shown.map(({ price }) => Number(price))).toEqual([91]);
  });

  it('a close that is refused since what it closes is still occupied is placed again, and is no reason to halt', async () => {
    const run = await started();
    const code = kind[0] === 'bybit' ? '110017' : kind[1] === 'unified' ? '25226' : '40746';
    run.desk.faults.request({ when: 'before', answer: { code } }, { path: /place-order|order\/create/, holds: '-T0001-' });
    run.move('97.00');
    await run.pass(8_000);
    expect([run.takeProfits().length, said(run, 'deferred'), run.runner.state.halt]).toEqual([1, 1, undefined]);
    run.settle();
    expect(run.faults).toEqual([]);
  });

  it('stop --close closes the side of the run alone', async () => {
    const run = await started();
    run.trade('sell', '2', false);
    run.stop('close');
    await run.until('it ends', () => run.ended !== undefined);
    expect([run.ended, run.held().toString(), short(run).amount.toString()]).toEqual([0, '0', '2']);
  });
});

describe('an order of somebody else in hedge mode', () => {
  const config = { id: 'abc123', side: 'long', positionMode: 'hedge', exchangeStop: { price: '80' } } as RunConfig;
  const order = (more: Partial<PrivateOrder>): PrivateOrder => ({
    ...{ market: 'linear', symbol: 'ETHUSDT', side: 'sell', kind: 'limit', amount: '1', filled: '0', status: 'new' },
    ...{ cause: 'order', updated: 0, orderId: 'x', ...more },
  });
  const state = { ...initialState({ tick: '0.01', lot: '0.01' }, 0) };

  it.each([
    ['a sell of the long side, whatever its flag', { positionSide: 'long', reduceOnly: false }, true, false],
    ['a buy of the long side', { positionSide: 'long', side: 'buy' }, false, false],
    ['a sell that opens the short side', { positionSide: 'short', reduceOnly: false }, false, false],
    ['a close of the short side', { positionSide: 'short', side: 'buy', reduceOnly: true }, false, false],
    ['a trigger of the long side', { positionSide: 'long', isTrigger: true }, true, true],
    ['a trigger that sells for the short side', { positionSide: 'short', isTrigger: true }, false, false],
    ['a trigger that names no side', { isTrigger: true }, true, true],
  ] as const)('%s', (_, more, closes, isStop) => {
    expect([closesOwn(order(more), config), isStopOrder(state, config, order(more))]).toEqual([closes, isStop]);
  });
});

it('a halt for another position mode cancels, and closes nothing: there an order that should close may open', () => {
  const config = {
    ...{ name: 'eth', id: 'abc123', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', settle: 'USDT', mode: 'demo' },
    ...{ account: 'main', side: 'long', positionMode: 'hedge', leverage: '5', deposit: '100', onHalt: 'close', limits: {} },
  } as unknown as RunConfig;
  const held = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), held: '1', cost: '100', isStarting: false };
  const row = { market: 'linear', symbol: 'ETHUSDT', positionSide: 'long', positionMode: 'one_way', amount: '1' } as const;
  const { state } = step(held, config, { kind: 'read', what: 'position', asked: 5, positions: [row], at: 10, time: 10 });
  expect([state.halt?.kind, state.ending?.mode]).toEqual(['position_mode', 'cancel']);
  expect(state.position?.amount).toBe('0');
});
