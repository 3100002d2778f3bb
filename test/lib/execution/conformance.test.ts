import { describe, expect, it } from 'vitest';
import { type Conformance, modesOf, probeConformance } from '../../../src/lib/execution/live/conformance/run.js';
import { ALL_KINDS, type RunKind, RunSession, type RunSessionOptions, samplesOf } from '../../support/run-session.js';

async function probed(
  kind: RunKind,
  prepare: (run: RunSession) => void = () => {},
  options: RunSessionOptions = {},
): Promise<{ run: RunSession; probe: Conformance | Error; facts: Record<string, string> }> {
  const run = new RunSession(kind, options);
  prepare(run);
  const client = run.client();
  const { family, wire, rules, price } = run;
  const scope = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT' } as const;
  const probe = await run.during(
    probeConformance({
      ...{
        client,
        family,
        scope,
        rules,
        price,
        marginMode: 'isolated',
        positionMode: kind[2] ?? 'one_way',
        timing: wire.timing,
        userAgent: 'test',
        id: 'prob01',
      },
      ...{ signal: new AbortController().signal, note: () => {}, connect: wire.connect },
    }),
  );
  const facts = probe instanceof Error ? {} : Object.fromEntries(probe.result.facts.map(({ id, verdict }) => [id, verdict]));
  return { run, probe, facts };
}

/** Ids of the facts that contradict what the executor assumes. */
const against = (facts: Record<string, string>) => Object.keys(facts).filter((id) => facts[id] === 'contradicts');

describe.each(ALL_KINDS.map((kind) => ({ kind })))('the conformance probe on $kind', ({ kind }) => {
  const [id, family] = kind;

  it('an exchange as its documents say: every question is asked, nothing contradicts, nothing stays', async () => {
    const { run, probe, facts } = await probed(kind);
    if (probe instanceof Error) throw probe;
    const scope = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT' } as const;
    const shown = await run.during(modesOf({ client: run.client(), family: run.family, scope }));
    expect([shown, probe.result.positionMode]).toEqual([
      expect.objectContaining({ positionMode: kind[2] ?? 'one_way' }),
      kind[2] ?? 'one_way',
    ]);
    expect(probe.result.facts.filter(({ verdict }) => verdict === 'contradicts')).toEqual([]);
    expect([probe.isWhole, probe.left, run.open(), run.held().toString()]).toEqual([true, [], [], '0']);
    expect(Object.keys(facts)).toEqual(
      expect.arrayContaining(['duplicate-pending', 'old-timestamp', 'open-list', 'paging', 'two-closes', 'close-below-value']),
    );
    expect(facts['margin-mode-of-order']).toBe('as assumed');
    expect(facts.leverage).toBe('as assumed');
    expect(run.desk.violations).toEqual([]);
    const settings = run.desk.engine.ledger.settings(run.owner, run.desk.symbol('ETHUSDT'));
    expect(settings.longLeverage.toString()).toBe('10');
  });

  const OTHER_ANSWERS: readonly (readonly [string, (run: RunSession) => void, readonly string[]])[] = [
    [
      'an order that is signed too early is accepted',
      (run) => Object.assign(run.desk.faults.questions, { acceptsOldTimestamps: true }),
      ['old-timestamp'],
    ],
    [
      'a client id is accepted twice',
      (run) => Object.assign(run.desk.faults.questions, { acceptsRepeatedIds: true }),
      ['duplicate-pending'],
    ],
    [
      'a leverage is accepted and not set',
      (run) => run.desk.faults.request({ when: 'no-effect' }, { method: 'POST', path: /leverage/, times: 2 }),
      ['leverage'],
    ],
    [
      'orders are shown after six seconds',
      (run) => Object.assign(run.desk.faults.lags, { detail: 6_000, open: 6_000, history: 6_000 }),
      ['lookups-of-resting'],
    ],
    [
      'fills are shown after eleven seconds',
      (run) => Object.assign(run.desk.faults.lags, { fills: 11_000 }),
      ['position-and-fills-delay'],
    ],
  ];
  it.each(OTHER_ANSWERS.slice(0, samplesOf(kind, OTHER_ANSWERS.length)))('%s', async (_, prepare, expected) => {
    const { run, facts, probe } = await probed(kind, prepare);
    if (probe instanceof Error) throw probe;
    expect(against(facts)).toEqual(expected);
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
  });

  it('answers that the executor copes with are noted and confirm all the same', async () => {
    const { facts, probe } = await probed(kind, (run) => {
      Object.assign(run.desk.faults.questions, { closesExemptFromMinimum: true, farBand: 0.5, clientIdTaken: 0 });
      Object.assign(run.desk.faults.pushes, { isMute: true });
    });
    if (probe instanceof Error) throw probe;
    expect(against(facts)).toEqual([]);
    const seen = Object.fromEntries(probe.result.facts.map((fact) => [fact.id, fact.seen]));
    expect(seen).toMatchObject({
      'close-below-value': expect.stringMatching(/^accepted/),
      'push-delay': 'not pushed',
      'price-far-below': expect.stringMatching(/price/),
    });
  });

  it.runIf(id === 'bitget' && family === 'unified')('an isolated order opens a cross position', async () => {
    const { facts } = await probed(kind, (run) => Object.assign(run.desk.faults.questions, { ignoresOrderMarginMode: true }), {
      account: { marginMode: 'cross' },
    });
    expect(against(facts)).toEqual(['margin-mode-of-order']);
  });

  it('a network that fails in the middle: no result, and nothing stays', async () => {
    const { run, probe } = await probed(kind, ({ desk }) =>
      desk.faults.request({ when: 'after', answer: 'cut' }, { method: 'POST', path: /place-order|order\/create/, skip: 4 }),
    );
    expect(probe).toBeInstanceOf(Error);
    expect([run.open(), run.held().toString()]).toEqual([[], '0']);
  });

  it('a symbol that is not empty is refused, and nothing is sent', async () => {
    const { run, probe } = await probed(kind, (session) => session.trade('buy', '1', false, '90'));
    expect(String(probe)).toMatch(/has orders or a position/);
    expect(run.desk.requests.filter(({ writes }) => writes)).toEqual([]);
  });
});
