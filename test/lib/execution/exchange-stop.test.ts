import { describe, expect, it } from 'vitest';
import { type FillFacts, fillText } from '../../../src/lib/notify/fill-text.js';
import { ALL_KINDS, RunSession, type RunSessionOptions } from '../../support/run-session.js';

describe.each(ALL_KINDS.filter((one) => one[1] !== 'classic').map((kind) => ({ kind })))(
  'a stop that the exchange holds, $kind',
  ({ kind }) => {
    const STOP = { exchangeStop: { share: '0.09' }, restart: 3_000 } as const;
    const session = (config: RunSessionOptions['config'] = {}) => new RunSession(kind, { config: { ...STOP, ...config } });
    const stop = (run: RunSession) => run.position()?.stopLoss.toString();
    const sets = (run: RunSession) => run.desk.requests.filter(({ path }) => /trading-stop|place-strategy/.test(path)).length;

    const started = async (config?: RunSessionOptions['config']) => {
      const run = session(config).start();
      await run.working();
      return run;
    };

    it('rests before the levels, covers what fills later, ends with the position, and comes again with the next', async () => {
      const run = await started();
      expect([stop(run), run.levels().length]).toEqual(['91', 4]);
      expect(
        run.store
          .intents()
          .filter(({ role }) => role === 'stop')
          .map(({ cycle }) => cycle),
      ).toEqual([1]);
      run.move('97.00');
      await run.pass(5_000);
      expect([stop(run), run.filledLevels(), sets(run)]).toEqual(['91', [1], 1]);
      run.settle();
      run.move('104.00');
      await run.until('the next cycle', () => run.runner.state.cycle === 2 && run.levels().length === 4);
      expect([stop(run), sets(run)]).toEqual(['94.64', 2]);
      run.settle();
      expect([run.faults, run.ended]).toEqual([[], undefined]);
    });

    it('outlives the process: the exchange closes everything, and the next start books it and halts', async () => {
      const run = await started();
      run.wire.kill();
      run.move('90.50');
      await run.wire.advance(5_000);
      expect(run.held().toString()).toBe('0');
      run.restart();
      await run.until('it halts', () => run.ended !== undefined);
      expect([run.ended, run.runner.state.halt?.kind, run.runner.state.held]).toEqual([4, 'exchange_stop', '0']);
      run.settle();
      expect(run.faults).toEqual([]);
      expect(
        run.store.outbox(-1, 10_000).filter(({ record }) => record.type === 'fill' && record.reason === 'stop'),
      ).toHaveLength(1);
      const told = run.events.filter(({ kind }) => kind === 'filled').at(-1);
      expect(fillText(told?.data as FillFacts, 'ETHUSDT')).toMatch(/^STOP filled {2}ETHUSDT {2}long \d.* @ 9\d.* {2}profit -\d/);
    });

    it('triggers under the process: booked as a stop, and the run halts', async () => {
      const run = await started();
      run.move('90.50');
      await run.until('it halts', () => run.ended !== undefined);
      expect([run.ended, run.runner.state.halt?.kind, run.runner.state.held, run.held().toString()]).toEqual([
        4,
        'exchange_stop',
        '0',
        '0',
      ]);
      run.settle();
      expect(run.faults).toEqual([]);
    });

    it('one that is taken away or moved by hand is set again; the third time within a minute the run halts', async () => {
      const run = await started();
      const moved = async (price: number) => {
        const held = run.position() as NonNullable<ReturnType<typeof run.position>>;
        run.desk.engine.setStop(
          held,
          held.amount.div(held.amount).mul(price),
          kind[0] === 'bitget' ? 'm-abc123-a01-1-S0009-0' : '',
        );
        await run.pass(8_000);
      };
      await moved(0);
      expect([stop(run), run.kinds().includes('stop_gone')]).toEqual(['91', true]);
      await moved(80);
      expect(stop(run)).toBe('91');
      await moved(0);
      await run.until('it halts', () => run.ended !== undefined);
      expect(run.runner.state.halt?.kind).toBe('loop');
    });

    it.each(['cut', 'empty'] as const)(
      'an answer that is lost (%s) makes no second one; without effect it is set again',
      async (answer) => {
        const run = session();
        run.desk.faults.request({ when: 'after', answer }, { path: /trading-stop|place-strategy/ });
        run.start();
        await run.working();
        expect([stop(run), sets(run)]).toEqual(['91', 1]);
        const other = session();
        other.desk.faults.request({ when: 'no-effect' }, { path: /trading-stop|place-strategy/ });
        other.start();
        await other.working();
        expect([stop(other), sets(other)]).toEqual(['91', 2]);
      },
    );

    it('no level is placed without it; refused three times, the run halts', async () => {
      const run = session();
      const code = kind[0] === 'bitget' ? '25654' : '10001';
      run.desk.faults.request({ when: 'before', answer: { code } }, { path: /trading-stop|place-strategy/, times: 10 });
      run.start();
      await run.until('it halts', () => run.ended !== undefined);
      expect([run.ended, run.runner.state.halt?.kind, run.ofRole(/-L\d/), sets(run)]).toEqual([4, 'stop_refused', [], 3]);
      expect(run.takeProfits()).toHaveLength(1);
    });

    it('a stop before the last level begins no cycle', async () => {
      const run = session({ exchangeStop: { price: '95' } }).start();
      await run.until('it is said', () => run.kinds().includes('no_cycle'));
      expect(run.events.at(-1)?.message).toMatch(/the exchange stop at 95 is not beyond the last level at 92/);
      expect(run.desk.requests.filter(({ writes }) => writes)).toEqual([]);
    });

    it('a short grid has it above', async () => {
      const run = await started({ side: 'short' });
      expect(stop(run)).toBe('109');
      run.move('109.50');
      await run.until('it halts', () => run.ended !== undefined);
      expect([run.runner.state.halt?.kind, run.held().toString()]).toEqual(['exchange_stop', '0']);
    });
  },
);
