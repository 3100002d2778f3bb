import { describe, expect, it } from 'vitest';
import { Hole } from '../../../../src/lib/capture/repair/hole.js';
import { KnownTrades } from '../../../../src/lib/capture/repair/known-trades.js';
import type { Trade } from '../../../../src/lib/model/records.js';
import { SECOND } from '../../../../src/lib/model/time.js';
import { FEED } from '../../../support/repair-scenario.js';

const BEGIN = 1_700_000_000 * SECOND;
const trade = (place: number, seconds: number, fields: Partial<Trade> = {}): Trade => {
  const id = String(1_000 + place);
  return {
    type: 'trade',
    ...FEED,
    timestamp: BEGIN + seconds * SECOND,
    id,
    sequence: id,
    price: 1,
    amount: 1,
    side: 'buy',
    ...fields,
  };
};

/** A hole after the trade in place 0, at half past a second. */
function hole(): Hole {
  const known = new KnownTrades(250);
  known.add(trade(0, 10.5));
  return new Hole({ feed: FEED, reason: 'disconnect', from: BEGIN + 10.5 * SECOND, near: known.last, known, first: known.first });
}
const live = (place: number, seconds: number) => trade(place, seconds, { localTimestamp: BEGIN + seconds * SECOND });

describe('a hole', () => {
  it('is not whole by an answer whose oldest time, rounded down, seems to lie before it', () => {
    const subject = hole();
    subject.hold(live(5, 20));
    const chain = subject.chain();
    subject.take(chain, [trade(3, 10), trade(4, 12), trade(5, 20)], { from: BEGIN + 10 * SECOND, until: BEGIN + 21 * SECOND });
    expect(subject.isWhole).toBe(false);
    subject.take(chain, [trade(1, 10), trade(2, 10)], { from: BEGIN + 9 * SECOND, until: BEGIN + 21 * SECOND });
    expect(subject.isWhole).toBe(true);
    expect(subject.close(0).found.map(({ id, timestamp }) => [id, (timestamp - BEGIN) / SECOND])).toEqual([
      ['1001', 10.5],
      ['1002', 10.5],
      ['1003', 10.5],
      ['1004', 12],
    ]);
  });

  it('is not whole by pages that were begun before the feed was lost again', () => {
    const subject = hole();
    subject.hold(live(3, 13));
    const chain = subject.chain();
    subject.take(chain, [trade(2, 12), trade(3, 13)], { from: BEGIN + 12 * SECOND, until: BEGIN + 14 * SECOND });
    subject.lostAgain();
    subject.hold(live(9, 19));
    subject.take(chain, [trade(0, 10.5), trade(1, 11)], { from: BEGIN + 9 * SECOND, until: BEGIN + 14 * SECOND });
    expect(subject.isWhole).toBe(false);
    const closing = subject.close(0);
    expect(closing.gap).toMatchObject({ repaired: 2, missing: true, untilTimestamp: BEGIN + 19 * SECOND });
    expect(closing.found.map(({ id }) => id)).toEqual(['1001', '1002', '1003']);
  });

  it('leaves to the connection what an answer knew earlier', () => {
    const subject = hole();
    subject.hold(live(2, 12));
    subject.take(subject.chain(), [trade(0, 10.5), trade(1, 11), trade(2, 12), trade(3, 13)], undefined);
    expect(subject.isWhole).toBe(true);
    expect(subject.close(0).found.map(({ id }) => id)).toEqual(['1001']);
  });

  it('keeps what an answer knew earlier than a connection that is lost before it tells that', () => {
    const subject = hole();
    subject.hold(live(4, 14));
    const chain = subject.chain();
    subject.take(chain, [trade(3, 13), trade(4, 14), trade(5, 15), trade(6, 16)], undefined);
    subject.lostAgain();
    subject.take(subject.chain(), [trade(0, 10.5), trade(1, 11), trade(2, 12), trade(3, 13), trade(4, 14)], undefined);
    subject.hold(live(6, 16));
    const { found, gap } = subject.close(0);
    expect(found.map(({ id }) => id)).toEqual(['1001', '1002', '1003', '1004', '1005']);
    expect(gap?.missing).toBe(true);
  });
});
