import { describe, expect, it } from 'vitest';
import { defaultLiquidationLimit, type Sign, Watchdog } from '../../../src/lib/notify/watchdog.js';

const START = 1_790_000_000_000;
const moment = (seconds: number) => ({ at: seconds * 1_000, time: (START + seconds * 1_000) * 1_000 });
const watch = () =>
  new Watchdog({ run: 'eth', mode: 'live', exchange: 'bybit', symbol: 'ETHUSDT' }, { stalled: 600_000, liquidation: 0.1 });
const sign = (seconds: number, more: Partial<Sign> = {}): Sign => ({
  ...{ at: START + seconds * 1_000, isAlive: true, isFinished: false, held: '4.7' },
  ...more,
});
const texts = (dog: Watchdog, one: Sign, seconds: number) => dog.look(one, moment(seconds)).map(({ text }) => text);

describe('Watchdog', () => {
  it('raises a run whose process is gone once, after a minute, and clears it when it is back', () => {
    const dog = watch();
    const dead = sign(0, { isAlive: false });
    expect([0, 30, 59].flatMap((second) => texts(dog, dead, second))).toEqual([]);
    expect([60, 62, 90].flatMap((second) => texts(dog, dead, second))).toEqual([
      'ETHUSDT  no_heartbeat: no sign of life for 1m, its process is gone; held: 4.7; what rests on the exchange stays',
    ]);
    expect(texts(dog, sign(100), 100)).toEqual(['ETHUSDT  no_heartbeat cleared after 40s']);
  });

  it('waits 10 minutes for a process that lives, and for none that has ended by itself', () => {
    const dog = watch();
    expect([0, 300, 599].flatMap((second) => texts(dog, sign(0), second))).toEqual([]);
    expect(texts(dog, sign(0), 600)[0]).toContain('no sign of life for 10m');
    const ended = watch();
    expect([0, 900].flatMap((second) => texts(ended, sign(0, { isAlive: false, isFinished: true }), second))).toEqual([]);
  });

  it('does not accuse a run after this machine has slept: only what was watched counts', () => {
    const dog = watch();
    texts(dog, sign(0, { isAlive: false }), 0);
    // The wall clock went on for an hour, the clock of this process for 2 s.
    expect(dog.look(sign(0, { isAlive: false }), { at: 2_000, time: (START + 3_600_000) * 1_000 })).toEqual([]);
  });

  it('raises a liquidation that is near once, and clears it with a margin', () => {
    const dog = watch();
    const at = (second: number, mark: number) => texts(dog, sign(second, { mark, liquidation: 90 }), second);
    expect(at(0, 101)).toEqual([]);
    expect(at(5, 100)).toEqual([
      'ETHUSDT  the price 100 is 10.0 % from the liquidation at 90'.replace('  the', '  liquidation_distance: the'),
    ]);
    expect([...at(10, 99), ...at(15, 101), ...at(20, 102)]).toEqual([]);
    expect(at(25, 103)).toEqual(['ETHUSDT  liquidation_distance cleared after 20s']);
  });

  it('does not find every entry near: by default it is half of what the leverage leaves, at most 10 %', () => {
    expect(['2', '5', '10', '25'].map(defaultLiquidationLimit)).toEqual([0.1, 0.1, 0.05, 0.02]);
    const limits = { stalled: 600_000, liquidation: defaultLiquidationLimit('10') };
    const dog = new Watchdog({ run: 'eth', mode: 'live', exchange: 'bybit', symbol: 'ETHUSDT' }, limits);
    const at = (second: number, mark: number) => texts(dog, sign(second, { mark, liquidation: 90.5 }), second).length;
    expect([at(0, 100), at(5, 97), at(10, 95.2), at(15, 97), at(20, 97.5)]).toEqual([0, 0, 1, 0, 1]);
  });

  it('is continued by another process: an alarm is raised again for who has not got it, cleared once, and numbers go on', () => {
    const dead = sign(0, { isAlive: false });
    const first = watch();
    texts(first, dead, 0);
    const [raised] = first.look(dead, moment(60));
    // What a process hands over is JSON.
    const handed = JSON.parse(JSON.stringify(first.state));
    const still = watch();
    still.restore(handed);
    expect([100, 130].flatMap((second) => texts(still, dead, second))).toEqual([]);
    const [again] = still.look(dead, moment(161));
    expect([raised?.seq, again?.seq, again?.cause]).toEqual([0, 1, 'no_heartbeat']);
    const back = watch();
    back.restore(handed);
    expect(texts(back, dead, 100)).toEqual([]);
    const [cleared] = back.look(sign(105), moment(105));
    expect([cleared?.seq, cleared?.text, cleared?.clears]).toEqual([
      1,
      'ETHUSDT  no_heartbeat cleared after 45s',
      'no_heartbeat',
    ]);
    expect(back.state).toEqual({ seq: 2, since: {} });
  });
});
