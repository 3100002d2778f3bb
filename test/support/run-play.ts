import { pick, seeded } from './random.js';
import { type RunKind, RunSession } from './run-session.js';

/** Halts that a session may end with when nobody has touched the account: guards against an exchange that lies, and the market. */
const MAY_HALT = new Set(['vanished', 'entry', 'loop', 'liquidation']);

/** Kills the process at seeded requests, before or after they take effect, and lets its ladder live on. Returns what was wrong. */
export async function playKills(kind: RunKind, seed: number): Promise<string[]> {
  const run = new RunSession(kind, { seed, config: { restart: 2_000 } });
  const random = seeded(seed);
  const kills = [Math.ceil(random() * 40), 40 + Math.ceil(random() * 40)];
  const phases = kills.map(() => pick(random, ['before', 'after'] as const));
  let count = 0;
  run.onRequest = (phase) => {
    if (phase === 'before') count += 1;
    const index = kills.indexOf(count);
    if (index < 0 || phases[index] !== phase) return;
    kills[index] = -1;
    run.restart();
  };
  run.start();
  for (const price of ['97.00', '95.50', '101.00', '99.00', '104.00']) {
    await run.pass(3_000);
    run.move(price);
  }
  await run.pass(80_000);
  return verdict(run);
}

/** Plays a random session with everything that goes wrong between a run and an exchange. Returns what was wrong. */
export async function playRun(kind: RunKind, seed: number, seconds: number): Promise<string[]> {
  const run = new RunSession(kind, { seed, config: { restart: 3_000 } }).start();
  const random = seeded(seed * 7 + 1);
  const { faults } = run.desk;
  const later = (range: number) => Math.ceil(random() * range);
  const actions: (() => void)[] = [
    () => run.move((Number(run.price) * (1 + (random() - 0.5) * 0.05)).toFixed(2)),
    () => run.move((100 * (1 + (random() - 0.5) * 0.1)).toFixed(2)),
    () =>
      Object.assign(faults.pushes, { drop: random() * 0.5, duplicate: random(), reorder: random(), delay: [0, later(2_000)] }),
    () => Object.assign(faults.pushes, { isMute: random() < 0.5 }),
    () =>
      Object.assign(faults.lags, {
        detail: later(3_000),
        open: later(3_000),
        history: later(3_000),
        fills: later(4_000),
        positions: later(3_000),
      }),
    () => faults.request({ when: 'after', answer: pick(random, ['cut', 'hang', 'empty']) }, { method: 'POST', skip: later(3) }),
    () => faults.request({ when: 'before', answer: pick(random, ['cut', 'throttle', 'empty']) }, { times: later(2) }),
    () => faults.request({ when: 'arrives', delay: later(20_000), answer: 'cut' }, { method: 'POST' }),
    () => faults.raceCancel(() => true, pick(random, [0.3, 1])),
    () => run.wire.cut(),
    () => run.restart(),
    () => faults.clear(),
  ];
  for (let time = 0; time < seconds * 1_000; ) {
    pick(random, actions)();
    const pause = later(4_000);
    await run.pass(pause);
    time += pause;
    if (run.ended !== undefined) break;
  }
  faults.clear();
  await run.pass(60_000);
  return verdict(run);
}

function verdict(run: RunSession): string[] {
  const { halt, phase } = run.runner.state;
  run.settle();
  run.checkMoney(false);
  const halted = halt && !MAY_HALT.has(halt.kind) ? [`halted: ${halt.kind}: ${halt.message}`] : [];
  const failed = run.ended instanceof Error ? [String(run.ended.stack)] : [];
  const stuck =
    !halt && ['reconciling', 'entering', 'looking', 'cleaning'].includes(phase) ? [`it stands still in ${phase}`] : [];
  const text = run.events.slice(-8).map(({ kind, message }) => `${kind}: ${message}`);
  const problems = [...run.faults, ...halted, ...failed, ...stuck];
  return problems.length === 0 ? [] : [...problems, ...text];
}
