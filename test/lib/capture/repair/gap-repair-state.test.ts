import { describe, expect, it } from 'vitest';
import { GapRepairState } from '../../../../src/lib/capture/repair/gap-repair-state.js';
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

/** A gap after the trade in place 0, at half past a second. */
function gapAfterFirst(): GapRepairState {
  const known = new KnownTrades(250);
  known.add(trade(0, 10.5));
  const { last: start, first: earliest } = known;
  return new GapRepairState({ feed: FEED, reason: 'disconnect', from: BEGIN + 10.5 * SECOND, start, known, earliest });
}
const live = (place: number, seconds: number) => trade(place, seconds, { localTimestamp: BEGIN + seconds * SECOND });

describe('the state of a gap repair', () => {
  it('is not completed by an answer whose oldest time, rounded down, seems to lie before it', () => {
    const subject = gapAfterFirst();
    subject.hold(live(5, 20));
    const chain = subject.startChain();
    subject.addPage(chain, [trade(3, 10), trade(4, 12), trade(5, 20)], { from: BEGIN + 10 * SECOND, until: BEGIN + 21 * SECOND });
    expect(subject.isComplete).toBe(false);
    subject.addPage(chain, [trade(1, 10), trade(2, 10)], { from: BEGIN + 9 * SECOND, until: BEGIN + 21 * SECOND });
    expect(subject.isComplete).toBe(true);
    expect(subject.close(0).recovered.map(({ id, timestamp }) => [id, (timestamp - BEGIN) / SECOND])).toEqual([
      ['1001', 10.5],
      ['1002', 10.5],
      ['1003', 10.5],
      ['1004', 12],
    ]);
  });

  it('is not completed by pages of a request from before the feed was lost again', () => {
    const subject = gapAfterFirst();
    subject.hold(live(3, 13));
    const chain = subject.startChain();
    subject.addPage(chain, [trade(2, 12), trade(3, 13)], { from: BEGIN + 12 * SECOND, until: BEGIN + 14 * SECOND });
    subject.lostAgain();
    subject.hold(live(9, 19));
    subject.addPage(chain, [trade(0, 10.5), trade(1, 11)], { from: BEGIN + 9 * SECOND, until: BEGIN + 14 * SECOND });
    expect(subject.isComplete).toBe(false);
    const result = subject.close(0);
    expect(result.gap).toMatchObject({ repaired: 2, missing: true, untilTimestamp: BEGIN + 19 * SECOND });
    expect(result.recovered.map(({ id }) => id)).toEqual(['1001', '1002', '1003']);
  });

  it.each([false, true])(
    'takes an empty answer for all there is only of a symbol that never traded, when told to (%s)',
    (believes) => {
      const options = { feed: FEED, reason: 'disconnect' as const, from: BEGIN, start: undefined, earliest: undefined };
      const subject = new GapRepairState({ ...options, known: new KnownTrades(250) });
      subject.addPage(subject.startChain(), [], undefined);
      subject.settle(believes);
      expect(subject.isComplete).toBe(believes);
      const traded = gapAfterFirst();
      traded.addPage(traded.startChain(), [], undefined);
      traded.settle(believes);
      expect(traded.isComplete).toBe(false);
    },
  );

  it('leaves to the connection the trades that an answer contained before it delivered them', () => {
    const subject = gapAfterFirst();
    subject.hold(live(2, 12));
    subject.addPage(subject.startChain(), [trade(0, 10.5), trade(1, 11), trade(2, 12), trade(3, 13)], undefined);
    expect(subject.isComplete).toBe(true);
    expect(subject.close(0).recovered.map(({ id }) => id)).toEqual(['1001']);
  });

  it('keeps the trades that an answer contained and a lost connection never delivered', () => {
    const subject = gapAfterFirst();
    subject.hold(live(4, 14));
    const chain = subject.startChain();
    subject.addPage(chain, [trade(3, 13), trade(4, 14), trade(5, 15), trade(6, 16)], undefined);
    subject.lostAgain();
    subject.addPage(subject.startChain(), [trade(0, 10.5), trade(1, 11), trade(2, 12), trade(3, 13), trade(4, 14)], undefined);
    subject.hold(live(6, 16));
    const { recovered, gap } = subject.close(0);
    expect(recovered.map(({ id }) => id)).toEqual(['1001', '1002', '1003', '1004', '1005']);
    expect(gap?.missing).toBe(true);
  });
});
