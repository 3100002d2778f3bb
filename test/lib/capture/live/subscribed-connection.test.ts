import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/lib/capture/live/connection.js';
import { SubscribedConnection } from '../../../../src/lib/capture/live/subscribed-connection.js';
import { exchangeOf } from '../../../../src/lib/exchanges/index.js';
import type { Timing } from '../../../../src/lib/transport/timing.js';

const TOPIC = 'publicTrade.BTCUSDT';

function connected() {
  const exchange = exchangeOf('bybit');
  const sent: string[] = [];
  let now = 0;
  const connection = {
    url: 'wss://stream.bybit.com/v5/public/linear',
    heardAt: 0,
    send: (messages: readonly { text: string }[]) => sent.push(...messages.map(({ text }) => JSON.parse(text).op)),
  } as unknown as Connection;
  const subscribed = new SubscribedConnection('1', connection, {
    exchange,
    pacing: exchange.live.pacing('linear'),
    timing: { now: () => now } as Timing,
    argumentsPerMessage: undefined,
    onRefused: () => {},
  });
  subscribed.begin([TOPIC]);
  const pass = (milliseconds: number) => {
    now += milliseconds;
    subscribed.subscriptions.check(now, () => false);
  };
  return { subscribed, sent, pass };
}

describe('a topic that is resubscribed', () => {
  it('is unsubscribed first where it delivers', () => {
    const { subscribed, sent } = connected();
    subscribed.onData(TOPIC);
    subscribed.resubscribe(TOPIC);
    expect(sent).toEqual(['subscribe', 'unsubscribe', 'subscribe']);
  });

  it('is asked for again where the exchange never answered: a refusal may have named no topic', () => {
    const { subscribed, sent, pass } = connected();
    subscribed.resubscribe(TOPIC);
    expect(sent).toEqual(['subscribe']);
    pass(600_000);
    subscribed.resubscribe(TOPIC);
    expect(sent).toEqual(['subscribe', 'subscribe']);
  });
});
