import { describe, expect, it } from 'vitest';
import { ACCOUNT_KINDS, AccountSession, playSession } from '../../support/account-session.js';

const KINDS = ACCOUNT_KINDS.map((kind) => ({ kind }));
const kindsOf = ({ events }: AccountSession) => events.map(({ kind }) => kind);

describe.each(KINDS)('a session of $kind', ({ kind }) => {
  it.each([3, 4])('shows the truth in time, whatever happens to pushes and connections (seed %i)', async (seed) => {
    expect(await playSession(kind, seed, 20)).toEqual([]);
  });

  it('is read again after a reconnect: what was cancelled meanwhile is gone, what was filled is told', async () => {
    const session = new AccountSession(kind);
    const [kept, gone] = [session.place('buy', '1', '99'), session.place('buy', '1', '97')];
    await session.start();
    session.wire.refusesConnections = 2;
    session.wire.cut();
    session.cancel(gone);
    session.server.market.setPrice('ETHUSDT', '98.50');
    const added = session.place('sell', '1', '105');
    await session.pass(session.within);
    expect(kindsOf(session)).toEqual(['disconnected', 'disconnected', 'disconnected', 'reconnected']);
    expect([...session.shown().keys()].filter((name) => name.startsWith('order'))).toEqual([`order ${added}`]);
    const told = session.records.flatMap((record) => (record.type === 'order' ? [`${record.clientId} ${record.status}`] : []));
    expect(told).toEqual(expect.arrayContaining([`${kept} filled`, `${gone} cancelled`]));
    expect(session.fills().written).toEqual(session.fills().true);
    await session.stop();
  });

  it('tells a difference that only a check finds, once', async () => {
    const session = new AccountSession(kind, { checkEvery: 5_000 });
    await session.start();
    session.desk.faults.pushes.isMute = true;
    const id = session.place('buy', '1', '90');
    session.place('buy', '2');
    await session.pass(14_000);
    const differences = session.events.filter((event) => event.kind === 'difference').map(({ message }) => message);
    expect(differences.filter((text) => text.startsWith('position in ETHUSDT'))).toEqual([
      'position in ETHUSDT: pushes said 0, REST says 2',
    ]);
    expect(differences.filter((text) => text.startsWith('order'))).toHaveLength(1);
    expect(session.shown().get(`order ${id}`)).toBe(0);
    await session.stop();
  });

  it('says that an order is lost when no list has it', async () => {
    const session = new AccountSession(kind, { checkEvery: 5_000 });
    await session.start();
    const id = session.place('buy', '1', '90');
    await session.pass(1_000);
    // From now on every list is from before the order.
    for (const lag of ['detail', 'open', 'history'] as const) session.desk.faults.lags[lag] = 60_000;
    await session.pass(12_000);
    expect(session.events.filter((event) => event.kind === 'order_lost').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^order \S+ of ETHUSDT is in no list of the exchange$/),
    ]);
    expect(session.shown().has(`order ${id}`)).toBe(false);
    await session.stop();
  });
});

it('stays connected when a topic is refused, and says so once', async () => {
  const session = new AccountSession(['bitget', 'classic']);
  await session.start();
  for (let time = 0; time < 2; time++) session.wire.say('{"event":"error","code":30016,"msg":"Param error"}');
  await session.pass(1_000);
  expect([kindsOf(session), session.live.isLive]).toEqual([['refused'], true]);
  await session.stop();
});
