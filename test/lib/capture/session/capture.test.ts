import { describe, expect, it } from 'vitest';
import type { RepairJob, RepairLimits } from '../../../../src/lib/capture/repair/repair-job.js';
import { Selection, type SelectionOptions } from '../../../../src/lib/capture/selection.js';
import { Capture } from '../../../../src/lib/capture/session/capture.js';
import type { Channel } from '../../../../src/lib/exchanges/exchange.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import type { TapeEntry } from '../../../../src/lib/tape/tape.js';
import { data, fakeExchange, START, trade } from '../../../support/fake-exchange.js';

const S = 1_000_000;
const MS = 1_000;

function capture(
  options: Partial<SelectionOptions> = {},
  channels: readonly Channel[] = ['trade', 'ticker', 'candle'],
  repair?: RepairLimits,
) {
  const warnings: string[] = [];
  const selection = new Selection({ exchanges: [fakeExchange], channels, ...options });
  const subject = new Capture({ selection, depth: 15, bookInterval: S, repair, warn: (message) => warnings.push(message) });
  const run = (...entries: TapeEntry[]): AnyRecord[] => entries.flatMap((entry) => subject.apply(fakeExchange, entry));
  return { subject, warnings, run };
}

const connect = (at: number, connection = '1', url = 'ws://h/linear'): TapeEntry => ({ kind: 'connect', at, connection, url });
const close = (at: number, connection = '1', code = 1006): TapeEntry => ({ kind: 'close', at, connection, code });
const frame = (at: number, text: string, connection = '1'): TapeEntry => ({ kind: 'frame', at, connection, content: text });
const types = (records: AnyRecord[]) => records.map(({ type }) => type);

describe('capture', () => {
  it('stamps arrivals, strictly increasing, also when the clock goes back', () => {
    const { run, subject } = capture();
    const records = run(
      connect(START),
      frame(START + 5, data([trade(START, 'a'), trade(START, 'b'), trade(START, 'c')])),
      frame(START + 6, data([trade(START, 'd')])),
      frame(START - S, data([trade(START, 'e')])),
      frame(START + 100, data([trade(START, 'f')])),
    );
    expect(records.map((record) => (record.localTimestamp as number) - START)).toEqual([5, 6, 7, 8, 9, 100]);
    expect(subject.statistics.unordered).toBe(1);
  });

  it('tells every second that the exchange has passed, from push times and local time elapsed', () => {
    const { run, subject } = capture();
    const at = START + 20 * MS;
    const first = run(connect(START), frame(at, data([trade(START, 'a')], { pushTimestamp: START + 300 * MS })));
    expect(first.slice(1)).toMatchObject([{ type: 'clock', exchange: 'fake', market: 'linear', timestamp: START }]);
    expect(subject.advance(at + 699 * MS)).toEqual([]);
    expect(subject.advance(at + 2_700 * MS)).toEqual([
      { type: 'clock', exchange: 'fake', market: 'linear', timestamp: START + S, localTimestamp: at + 700 * MS },
      { type: 'clock', exchange: 'fake', market: 'linear', timestamp: START + 2 * S, localTimestamp: at + 1_700 * MS },
      { type: 'clock', exchange: 'fake', market: 'linear', timestamp: START + 3 * S, localTimestamp: at + 2_700 * MS },
    ]);
  });

  it('gives the same records however often time is told', () => {
    const entries = [
      connect(START),
      connect(START, '2', 'ws://h/spot'),
      ...Array.from({ length: 40 }, (_, i) =>
        frame(
          START + i * 333 * MS,
          data([trade(START + i * 333 * MS, `${i}`)], { pushTimestamp: START + i * 330 * MS, market: i % 3 ? 'linear' : 'spot' }),
          i % 3 ? '1' : '2',
        ),
      ),
    ];
    const plain = capture();
    const nervous = capture();
    const told = entries.flatMap((entry) => {
      const records: AnyRecord[] = [];
      for (let at = (entry as { at: number }).at - 300 * MS; at < (entry as { at: number }).at; at += 17 * MS)
        records.push(...nervous.subject.advance(at));
      return [...records, ...nervous.run(entry)];
    });
    expect(told).toEqual(plain.run(...entries));
  });

  it('does not count through a jump of the clock', () => {
    const { run, subject } = capture();
    run(connect(START), frame(START, data([trade(START, 'a')], { pushTimestamp: START })));
    expect(types(subject.advance(START + 10 * 365 * 86_400 * S))).toEqual(['clock']);
  });

  it('drops trades it knows and those from before the subscription', () => {
    const { run, subject } = capture();
    const records = run(
      connect(START),
      frame(START, data([trade(START - S, 'old')], { history: true })),
      frame(START + 1, data([trade(START, 'a'), trade(START, 'b')])),
      connect(START + 2, '2'),
      frame(START + 3, data([trade(START, 'b'), trade(START, 'c')]), '2'),
      frame(START + 4, data([trade(START, 'b', { symbol: 'ETH' }), trade(START, 'b', { market: 'spot' })]), '2'),
    );
    expect(records.map((record) => (record as { id: string }).id)).toEqual(['a', 'b', 'b', 'b']);
    expect(subject.finish().map((record) => (record as { id: string }).id)).toEqual(['c']);
    expect(subject.statistics).toMatchObject({ history: 1, duplicates: 1, incomplete: false });
  });

  describe('while one connection takes over from another', () => {
    const subscribed = (connection: string, at: number): TapeEntry[] => [
      connect(at, connection),
      {
        kind: 'sent',
        at,
        connection,
        text: JSON.stringify({ operation: 'subscribe', topics: ['trade.BTC'], request: connection }),
      },
      frame(at, JSON.stringify({ kind: 'acknowledged', request: connection }), connection),
    ];
    const told = (at: number, connection: string, ...ids: string[]) =>
      frame(START + at, data(ids.map((id) => trade(START + Number(id), id))), connection);
    const ids = (records: AnyRecord[]) =>
      records.map((record) => (record.type === 'gap' ? 'gap' : (record as { id: string }).id));

    it('tells no trade before those that the first still brings', () => {
      const { run, subject } = capture();
      run(...subscribed('1', START), told(1, '1', '1'), ...subscribed('2', START + 2));
      expect(ids(run(told(10, '2', '4', '5')))).toEqual([]);
      expect(ids(run(told(11, '1', '2', '3', '4')))).toEqual(['2', '3', '4']);
      expect(ids(run(told(12, '2', '6'), close(START + 13, '1', 1000)))).toEqual(['5', '6']);
      expect(ids(run(told(14, '2', '7')))).toEqual(['7']);
      expect(subject.statistics.duplicates).toBe(1);
    });

    it('leaves the trades to the first when the second is lost', () => {
      const { run } = capture();
      run(...subscribed('1', START), ...subscribed('2', START + 2), told(10, '2', '4'), close(START + 11, '2'));
      expect(ids(run(told(12, '1', '3', '4')))).toEqual(['3', '4']);
      expect(ids(run(close(START + 13, '1', 1000)))).toEqual([]);
    });

    it('tells what waits when the first is unsubscribed, and at the end', () => {
      const { run, subject } = capture();
      run(...subscribed('1', START), ...subscribed('2', START + 2), told(10, '2', '4'));
      const unsubscribe = JSON.stringify({ operation: 'unsubscribe', topics: ['trade.BTC'] });
      expect(ids(run({ kind: 'sent', at: START + 11, connection: '1', text: unsubscribe }))).toEqual(['4']);
      run(...subscribed('3', START + 12));
      expect(ids(run(told(13, '3', '5')))).toEqual([]);
      expect(ids(subject.finish())).toEqual(['5']);
    });

    it('tells what waits after two seconds, and what the first has not brought by then as missing', () => {
      const { run, subject } = capture();
      const told = (at: number, connection: string, ...ids: string[]) =>
        frame(
          START + at,
          data(
            ids.map((id) => trade(START + Number(id), id)),
            { pushTimestamp: START + at },
          ),
          connection,
        );
      run(...subscribed('1', START), told(1, '1', '1'), ...subscribed('2', START + 2));
      run(told(10 * MS, '2', '5'));
      const isOfTrades = ({ type }: AnyRecord) => type === 'trade' || type === 'gap';
      expect(subject.advance(START + 2_000 * MS)).toEqual([]);
      const records = subject.advance(START + 2_500 * MS).filter(isOfTrades);
      expect(records).toMatchObject([
        { type: 'gap', reason: 'stale', fromTimestamp: START + 1, untilTimestamp: START + 5, missing: true },
        { type: 'trade', id: '5' },
      ]);
      expect(ids(run(told(2_600 * MS, '2', '6')).filter(isOfTrades))).toEqual(['6']);
    });

    it('fetches what a dead one took with it before the second began', () => {
      const limits = { hold: 15 * S, within: 60 * S, settle: 0, most: 3_600 * S, records: 1_000 };
      const { run, subject } = capture({}, ['trade', 'ticker'], limits);
      const early = [S, 2 * S].map(String);
      run(...subscribed('1', START), told(1, '1', '1'), ...subscribed('2', START + 30 * S));
      run(told(30.5 * S, '2', String(30.5 * S)));
      // Its last frame arrived 30 s before: what was sent to it since reached nobody.
      expect(ids(run(close(START + 31 * S, '1', 1006)))).toEqual([]);
      const at = START + 40 * S;
      subject.advance(at);
      const job = subject.repair?.jobs(at, 1)[0] as RepairJob;
      expect(job).toMatchObject({ symbol: 'BTC' });
      const records = ['1', ...early, String(30.5 * S)].map((id) => trade(START + Number(id), id));
      const covered = { from: START, until: at };
      const page = { records, rejected: [], covered, last: true, isEmpty: false, isExhausted: false };
      subject.repair?.takePage(job, page as never, true);
      subject.repair?.jobEnded(job, false, at);
      const repaired = subject.repaired().filter(({ type }) => type !== 'clock');
      expect(ids(repaired)).toEqual(['gap', ...early, String(30.5 * S)]);
      expect(repaired[0]).toMatchObject({ reason: 'disconnect', missing: false, repaired: 2 });
    });

    it('holds the seconds meanwhile', () => {
      const { run } = capture();
      const pushed = (at: number, connection: string, id: string) =>
        frame(START + at, data([trade(START + at, id)], { pushTimestamp: START + at }), connection);
      run(...subscribed('1', START), pushed(1, '1', 'a'), ...subscribed('2', START + 2));
      expect(types(run(pushed(999 * MS, '2', 'b'), pushed(1_001 * MS, '2', 'c')))).toEqual([]);
      expect(types(run(close(START + 1_100 * MS, '1', 1000), pushed(1_200 * MS, '2', 'd')))).toEqual([
        'trade',
        'trade',
        'clock',
        'trade',
      ]);
    });

    it('keeps nothing that the first brought before', () => {
      const { run, subject } = capture();
      run(...subscribed('1', START), ...subscribed('2', START + 2));
      expect(ids(run(told(10, '1', '1', '2'), told(11, '2', '1', '2', '3'), close(START + 12, '1', 1000)))).toEqual([
        '1',
        '2',
        '3',
      ]);
      expect(subject.statistics.duplicates).toBe(2);
    });
  });

  describe('liquidations while one connection replaces another', () => {
    const forced = (at: number, symbol = 'BTC') =>
      ({ ...trade(at, ''), id: undefined, type: 'liquidation', symbol, side: 'buy', price: 100, amount: 1 }) as never;
    const channels = ['trade', 'liquidation'] as const;

    it('are told once each, whichever brings them first or alone', () => {
      const { run, subject } = capture({}, channels);
      const records = run(
        connect(START),
        frame(START, data([forced(START)])),
        connect(START + 1, '2'),
        frame(START + 2, data([forced(START)]), '2'),
        frame(START + 3, data([forced(START + 3)]), '2'),
        frame(START + 4, data([forced(START + 3)])),
        frame(START + 5, data([forced(START + 5)])),
        frame(START + 6, data([forced(START + 5), forced(START + 6)]), '2'),
        close(START + 7, '1', 1000),
        frame(START + 8, data([forced(START + 8)]), '2'),
      );
      expect([...records, ...subject.finish()].map(({ type, timestamp }) => [type, timestamp - START])).toEqual([
        ['liquidation', 0],
        ['liquidation', 3],
        ['liquidation', 5],
        ['liquidation', 6],
        ['liquidation', 8],
      ]);
    });

    it('that the first does not bring in time are told after a gap', () => {
      const { run, subject } = capture({}, channels);
      run(connect(START), frame(START, data([forced(START)])), connect(START + 1, '2'));
      run(frame(START + S, data([forced(START + S)]), '2'));
      expect(types(subject.advance(START + 4 * S)).filter((type) => type !== 'clock')).toEqual(['gap', 'liquidation']);
    });

    it('of a topic without symbols belong to all of them: a planned handover is no hole, a loss is one', () => {
      const { run, subject } = capture({ symbols: ['BTC', 'ETH'] }, channels);
      const ask = (at: number, connection: string): TapeEntry[] => [
        {
          kind: 'sent',
          at,
          connection,
          text: JSON.stringify({ operation: 'subscribe', topics: ['liquidation.'], request: '1' }),
        },
        frame(at + 1, JSON.stringify({ kind: 'acknowledged', request: '1' }), connection),
      ];
      const replaced = run(
        ...[connect(START), ...ask(START, '1'), frame(START + 9, data([forced(START + 9)]))],
        ...[connect(START + 10, '2'), ...ask(START + 11, '2'), close(START + 20, '1', 1000)],
        frame(START + 30, data([forced(START + 30)]), '2'),
      );
      expect(types(replaced)).toEqual(['liquidation', 'liquidation']);
      const lost = run(
        close(START + 40, '2'),
        ...[connect(START + 50, '3'), ...ask(START + 51, '3'), frame(START + 60, data([forced(START + 60, 'ETH')]), '3')],
      );
      expect(types(lost)).toEqual(['gap', 'gap', 'liquidation']);
      const span = { fromTimestamp: START + 30, channel: 'liquidation', reason: 'disconnect', missing: true };
      expect(lost[0]).toMatchObject({ symbol: 'BTC', ...span });
      expect(lost[1]).toMatchObject({ symbol: 'ETH', ...span, fromTimestamp: expect.any(Number) });
      expect(subject.finish()).toEqual([]);
    });
  });

  it('puts a gap before the first record after a disconnect, one per channel and symbol', () => {
    const { run, subject } = capture();
    const ticker = { type: 'ticker', exchange: 'fake', market: 'linear', symbol: 'BTC', timestamp: START + 1, last: 1 } as const;
    run(connect(START), frame(START, data([trade(START, 'a'), trade(START, 'x', { symbol: 'ETH' }), ticker])));
    const records = run(
      close(START + S),
      connect(START + 3 * S),
      frame(START + 4 * S, data([trade(START + 3 * S, 'b')])),
      frame(START + 5 * S, data([trade(START + 5 * S, 'c'), { ...ticker, timestamp: START + 4 * S }])),
    );
    expect(types(records)).toEqual(['gap', 'trade', 'trade', 'gap', 'ticker']);
    expect(records[0]).toEqual({
      type: 'gap',
      exchange: 'fake',
      market: 'linear',
      symbol: 'BTC',
      timestamp: START + 3 * S,
      channel: 'trade',
      fromTimestamp: START,
      untilTimestamp: START + 3 * S,
      reason: 'disconnect',
      repaired: 0,
      missing: true,
      localTimestamp: START + 4 * S,
    });
    expect(subject.finish()).toMatchObject([{ type: 'gap', symbol: 'ETH', fromTimestamp: START }]);
    expect(subject.statistics).toMatchObject({ missingGaps: 3, incomplete: true });
  });

  it('sees no hole when a connection is replaced before it closes, nor in the end of a run', () => {
    const { run, subject } = capture();
    const records = run(
      connect(START),
      frame(START, data([trade(START, 'a')])),
      connect(START + 1, '2'),
      frame(START + 2, data([trade(START, 'b')]), '2'),
      close(START + 3, '1', 1000),
      frame(START + 4, data([trade(START, 'c')]), '2'),
      close(START + 5, '2'),
    );
    expect(types([...records, ...subject.finish()])).toEqual(['trade', 'trade', 'trade']);
    expect(subject.statistics.incomplete).toBe(false);
  });

  it('is missing up to the end also by an exchange’s clock that it never learned and that may be ahead', () => {
    const { run, subject } = capture();
    const ask = JSON.stringify({ operation: 'subscribe', topics: ['trade.BTC'], request: '1' });
    run(connect(START), { kind: 'sent', at: START, connection: '1', text: ask });
    run(frame(START + 1, JSON.stringify({ kind: 'acknowledged', request: '1' })), close(START + 2));
    subject.advance(START + 5 * S);
    const ahead = 4 * S;
    const [gap] = subject.finish(START + 5 * S);
    expect(gap).toMatchObject({ type: 'gap', symbol: 'BTC', missing: true });
    expect((gap as { untilTimestamp: number }).untilTimestamp).toBeGreaterThanOrEqual(START + 5 * S + ahead);
  });

  it('sees a hole when one is lost that had said nothing since before the other began', () => {
    const { run } = capture();
    const records = run(
      connect(START),
      frame(START, data([trade(START, 'a')], { pushTimestamp: START })),
      connect(START + 1, '2'),
      frame(START + 5_000_000, data([trade(START + 5_000_000, 'b')], { pushTimestamp: START + 5_000_000 }), '2'),
      close(START + 6_000_000, '1'),
    );
    expect(types(records).filter((type) => type !== 'clock')).toEqual(['trade', 'gap', 'trade']);
    const span = { fromTimestamp: START - 1_000_000, untilTimestamp: START + 5_000_000 };
    expect(records.find(({ type }) => type === 'gap')).toMatchObject({
      channel: 'trade',
      reason: 'disconnect',
      missing: true,
      ...span,
    });
  });

  it('sees none when it was heard of after the other had begun', () => {
    const { run } = capture();
    const records = run(
      connect(START),
      frame(START, data([trade(START, 'a')])),
      connect(START + 1, '2'),
      frame(START + 2, data([trade(START + 2, 'b')]), '2'),
      frame(START + 3, data([trade(START + 2, 'b')]), '1'),
      close(START + 4, '1'),
    );
    expect(types(records)).toEqual(['trade', 'trade']);
  });

  it('keeps to the wanted markets, symbols, channels and intervals', () => {
    const { run } = capture({ markets: ['linear'], symbols: ['BTC'], intervals: ['1m'] }, ['trade', 'candle']);
    const candle = { ...trade(START, ''), type: 'candle', interval: '1m', volume: 1, source: 'exchange', closed: true } as const;
    const records = run(
      connect(START),
      frame(START, data([trade(START, 'a'), trade(START, 'b', { symbol: 'ETH' }), { ...trade(START, ''), type: 'ticker' }])),
      frame(START + 1, data([trade(START, 'c', { market: 'spot' })], { market: 'spot' })),
      frame(START + 2, data([candle, { ...candle, interval: '5m' }])),
    );
    expect(types(records)).toEqual(['trade', 'candle']);
  });

  it('refuses a symbol that is none', () => {
    expect(() => capture({ symbols: ['BTC', 'no symbol'] })).toThrow(/--symbols: expected a symbol of fake .*was "no symbol"/);
  });

  it('counts trouble by kind, warns once per kind and goes on', () => {
    const { run, subject, warnings } = capture();
    const records = run(
      frame(START, data([trade(START, 'never connected')])),
      connect(START, '9', 'ws://h/private'),
      frame(START, data([trade(START, 'private')]), '9'),
      connect(START),
      frame(START, JSON.stringify({ kind: 'rejected', reason: 'no JSON' })),
      frame(START, JSON.stringify({ kind: 'rejected', reason: 'no JSON' })),
      frame(START, JSON.stringify({ kind: 'unknown', what: 'novelty' })),
      frame(START, JSON.stringify({ kind: 'silent', what: 'option' })),
      frame(START, JSON.stringify({ kind: 'refused', topic: 'trade.NO', reason: 'does not exist' })),
      { kind: 'broken', line: 3, reason: 'nonsense', sentence: 'line 3: nonsense' },
      { kind: 'broken', line: 4, reason: 'nonsense', sentence: 'line 4: nonsense' },
      frame(START, data([trade(START, 'a')], { rejected: ['price must be a number'] })),
    );
    expect(types(records)).toEqual(['trade']);
    const { rejected, unknown, silent, refused, broken, incomplete } = subject.statistics;
    expect([rejected, unknown, silent, refused, broken].map((tally) => [...tally.values()])).toEqual([
      [1, 2, 1],
      [1, 1],
      [1],
      [1],
      [2],
    ]);
    expect(incomplete).toBe(true);
    expect(warnings).toHaveLength(7);
    expect(warnings.join('\n')).toContain('subscription refused: trade.NO does not exist');
  });

  it('does not grow with garbage', () => {
    const { run, subject, warnings } = capture();
    run(connect(START));
    for (let i = 0; i < 1_000; i += 1) run(frame(START, JSON.stringify({ kind: 'rejected', reason: `nonsense ${i}` })));
    expect(subject.statistics.rejected.size).toBe(101);
    expect(warnings).toHaveLength(101);
  });

  it('tells one kind of trouble once, whatever was found instead', () => {
    const { run, subject, warnings } = capture();
    run(connect(START));
    for (let i = 0; i < 5; i += 1)
      run(frame(START, data([], { rejected: [`price must be above 0, was -${i}`] })), {
        ...{ kind: 'broken', line: i, reason: 'expected a tape line', sentence: `line ${i}: expected a tape line, was ${i}` },
      });
    expect([...subject.statistics.rejected]).toEqual([['price must be above 0', 5]]);
    expect(warnings).toEqual(['record: price must be above 0, was -0', 'tape line: line 0: expected a tape line, was 0']);
  });

  it('sees a hole in a book that goes on without a snapshot, on another connection or from the start', () => {
    const book = (action: 'snapshot' | 'delta', at: number, sequence: number, symbol = 'BTC') => ({
      ...{ type: 'book_message', exchange: 'fake', market: 'linear', symbol, timestamp: at, action, maxLevels: 50 },
      ...{ bids: [['1', '1']], asks: [['2', '1']], sequence: `${sequence}` },
      ...(action === 'delta' ? { previousSequence: `${sequence - 1}` } : {}),
    });
    const { run, subject } = capture({}, ['book']);
    const records = run(
      connect(START),
      frame(START, data([book('snapshot', START, 1), book('delta', START, 7, 'ETH')] as never)),
      frame(START + S, data([book('delta', START + S, 2)] as never)),
      close(START + 2 * S),
      connect(START + 3 * S),
      frame(START + 4 * S, data([book('delta', START + 4 * S, 5)] as never)),
      frame(START + 5 * S, data([book('delta', START + 5 * S, 6)] as never)),
    );
    expect(types(records)).toEqual(['book_snapshot', 'book_snapshot']);
    // Both are asked for anew: nobody sends a snapshot otherwise.
    expect(
      subject
        .brokenBooks('fake')
        .map(({ symbol }) => symbol)
        .sort(),
    ).toEqual(['BTC', 'ETH']);
    const gaps = subject.finish().filter(({ type }) => type === 'gap');
    expect(new Set(gaps.map((record) => 'symbol' in record && record.symbol))).toEqual(new Set(['BTC', 'ETH']));
  });
});
