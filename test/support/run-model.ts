import fc from 'fast-check';
import { Decimal } from './exchange-server/accounts/engine/decimals.js';
import { Refusal } from './exchange-server/accounts/engine/model.js';
import { type RunKind, RunSession } from './run-session.js';

/** Something that happens to a run, as plain data: a history that failed is kept as it is. `a` and `b` are in [0, 1). */
type Happening = { readonly what: HappeningName; readonly a: number; readonly b: number };
export type History = readonly Happening[];

/** What the model knows beside the plan and the truth: what may come of what has happened. */
type Model = {
  /** Kinds of halts that are right from now on. */
  readonly mayHalt: Set<string>;
  /** Somebody else has traded: the books of the account are not those of the run. */
  isTouched: boolean;
  mayFail: boolean;
  /** How long the exchange may be left alone after a ban, ms. */
  silence: number;
  /** Take profits that are placed again for what the owner did. */
  renewals: number;
};

type Act = (run: RunSession, model: Model, a: number, b: number) => void;

const between = (low: number, high: number, share: number) => low + (high - low) * share;
/** How long a run is silent after what it takes for a ban, ms. */
const LIKE_BAN = 310_000;
const write = /place|order\/create|cancel/;
const place = /place|order\/create/;

function touch(run: RunSession, model: Model, ...halts: readonly string[]): void {
  model.isTouched = true;
  run.isTouched = true;
  for (const kind of halts) model.mayHalt.add(kind);
}

/** Three places within a minute without a fill halt a run, whoever cancelled or cut them. */
function renew(model: Model): void {
  model.renewals += 1;
  if (model.renewals > 1) model.mayHalt.add('loop');
}

function firstOf<Value>(values: readonly Value[], share: number): Value | undefined {
  return values[Math.floor(share * values.length)];
}

/** Three entries in ten minutes that come to nothing halt a run, and so do three places without a fill. */
const FUTILE = ['entry', 'loop'] as const;

const ACTS = {
  'market moves': (run, _, a) => run.move(between(95, 105, a).toFixed(2)),
  'market moves a little': (run, _, a) => run.move((Number(run.price) * between(0.99, 1.01, a)).toFixed(2)),
  'an order fills in part': (run, _, a, b) => fillOne(run, a, between(0.1, 0.9, b)),
  'an order fills': (run, _, a) => fillOne(run, a, 1),
  'fills come in parts': ({ desk }, _, a, b) => {
    const parts = Array.from({ length: 2 + Math.floor(a * 5) }, (__, ___, count = 2 + Math.floor(a * 5)) => 1 / count);
    desk.faults.fills = [{ match: ({ kind }) => kind === 'limit', parts, every: Math.ceil(between(50, 1_500, b)) }];
  },
  'pushes are dropped': ({ desk }, _, a) => Object.assign(desk.faults.pushes, { drop: a }),
  'pushes are late': ({ desk }, _, a, b) => Object.assign(desk.faults.pushes, { delay: [a * 500, 500 + b * 3_000] }),
  'pushes are doubled': ({ desk }, _, a) => Object.assign(desk.faults.pushes, { duplicate: a, doublesFilled: a > 0.5 }),
  'pushes overtake each other': ({ desk }, _, a) => Object.assign(desk.faults.pushes, { reorder: a }),
  'pushes stop': ({ desk }) => Object.assign(desk.faults.pushes, { isMute: true }),
  'the connection is cut': (run) => run.wire.cut(),
  'a write is accepted and its answer lost': ({ desk }, _, a) =>
    desk.faults.request(
      { when: 'after', answer: a < 0.4 ? 'cut' : a < 0.7 ? 'hang' : 'empty' },
      { method: 'POST', path: write, skip: 0 },
    ),
  'a write never arrives': ({ desk }, model, a) => {
    for (const kind of FUTILE) model.mayHalt.add(kind);
    desk.faults.request({ when: 'before', answer: a < 0.5 ? 'cut' : 'empty' }, { method: 'POST', path: write });
  },
  'a write arrives late': (run, model, a, b) => {
    for (const kind of FUTILE) model.mayHalt.add(kind);
    // Beyond the window an exchange that keeps its word accepts nothing; one that does not fills what was given up.
    if (b > 0.8) touch(run, model, 'late_entry', 'mismatch');
    const delay = Math.ceil(between(500, b > 0.8 ? 60_000 : 25_000, a));
    run.desk.faults.request({ when: 'arrives', delay, answer: 'cut', ignoresWindow: b > 0.8 }, { method: 'POST', path: place });
  },
  'a cancel finds its order filled': ({ desk }, _, a, b) =>
    desk.faults.raceCancel(() => true, a < 0.5 ? 1 : between(0.1, 0.9, b)),
  'the process is killed': (run) => run.restart(),
  'the process is killed at a request': (run, _, a, b) => {
    let left = Math.ceil(a * 12);
    run.onRequest = (phase) => {
      if (phase !== (b < 0.5 ? 'before' : 'after') || --left > 0) return;
      run.onRequest = undefined;
      run.restart();
    };
  },
  'the clock of the host steps': (run, _, a) => {
    run.wire.skew = Math.round(between(-60_000, 60_000, a));
  },
  'the owner buys': (run, model, a) => {
    touch(run, model, 'mismatch', 'foreign_position');
    run.trade('buy', between(0.1, 1, a).toFixed(2), false);
  },
  'the owner closes a part': (run, model, a) => {
    touch(run, model, 'mismatch', 'foreign_position');
    renew(model);
    if (run.held().gt('0.2')) run.trade('sell', Decimal.max('0.1', run.held().mul(a).toDecimalPlaces(2, 1)).toFixed(), true);
  },
  // The run has to go on beside it as if it were not there; only a start refuses it.
  'the owner trades the other side': (run, model, a) => {
    if (run.kind[2] !== 'hedge') return;
    model.isTouched = true;
    model.mayHalt.add('foreign_position');
    const { desk, owner } = run;
    const other = desk.engine.ledger.position(owner, desk.symbol('ETHUSDT'), 'short')?.amount;
    if (other?.gt(0) && a < 0.5) run.trade('buy', other.toFixed(), true);
    else run.trade('sell', between(0.1, 1, a).toFixed(2), false);
  },
  'the owner cancels a level': (run, model, a) => {
    touch(run, model, 'mismatch');
    const level = firstOf(run.levels(), a);
    if (level) run.desk.engine.cancel(level, 'user');
  },
  'the owner cancels the take profit': (run, model) => {
    const [target] = run.takeProfits();
    if (!target) return;
    run.desk.engine.cancel(target, 'user');
    renew(model);
  },
  'the balance changes': (run, _, a) => run.desk.deposit(run.owner, 'USDT', between(-6_000, 2_000, a).toFixed(2)),
  'the leverage is changed': (run, model) => {
    touch(run, model, 'leverage');
    run.desk.engine.setLeverage(run.owner, run.desk.symbol('ETHUSDT'), { long: new Decimal(8), short: new Decimal(8) });
  },
  'the price jumps out of the band and back': (run, model, a) => {
    // A cycle that begins up there is liquidated on the way back.
    touch(run, model, 'liquidation', ...FUTILE);
    run.move(between(115, 125, a).toFixed(2));
  },
  'a write does nothing': ({ desk }, model, a) => {
    for (const kind of ['vanished', ...FUTILE]) model.mayHalt.add(kind);
    desk.faults.request({ when: 'no-effect' }, { method: 'POST', path: a < 0.5 ? place : /cancel/ });
  },
  'fills are listed late': ({ desk }, _, a) => Object.assign(desk.faults.lags, { fills: a * 9_000 }),
  'the position is shown late': ({ desk }, _, a) => Object.assign(desk.faults.lags, { positions: a * 3_000 }),
  'orders are listed late': ({ desk }, _, a, b) =>
    Object.assign(desk.faults.lags, { detail: a * 3_000, open: b * 3_000, history: (a + b) * 1_500 }),
  'a second copy places an order': (run, model) => {
    touch(run, model, 'other_copy', 'foreign_position', 'mismatch');
    run.desk.engine.place({ ...run.request('buy', '0.5', '80'), clientId: 'm-abc123-zzz-1-L09-0' });
  },
  'a commit fails': (run, model, a) => {
    model.mayFail = true;
    let left = Math.ceil(a * 8);
    run.failCommits(() => --left === 0);
  },
  'requests are throttled': ({ desk }, _, a) =>
    desk.faults.request({ when: 'before', answer: 'throttle' }, { times: Math.ceil(a * 2) }),
  'the address is banned': ({ desk }, model, a) => {
    model.silence = 700_000;
    desk.ban(Math.ceil(between(5_000, 60_000, a)));
  },
  'the exchange is maintained': ({ desk }, _, a) => desk.faults.maintain(desk.now() + Math.ceil(between(2_000, 40_000, a))),
  'the position is liquidated': (run, model) => {
    touch(run, model, 'liquidation');
    const [position] = run.desk.engine.ledger.openOf(run.owner).filter(({ amount }) => amount.gt(0));
    if (position) run.desk.engine.liquidate(position);
  },
  'the position is deleveraged': (run, model) => {
    touch(run, model, 'adl');
    const [position] = run.desk.engine.ledger.openOf(run.owner).filter(({ amount }) => amount.gt('0.1'));
    if (position) run.desk.engine.deleverage(position, position.amount.div(2).toDecimalPlaces(2, 1));
  },
  'funding is paid': (run, _, a) =>
    run.desk.engine.fund(run.desk.symbol('ETHUSDT'), new Decimal(between(-0.001, 0.001, a).toFixed(6))),
  'the exchange is well again': ({ desk }) => desk.faults.clear(),
  'nothing happens': () => {},
} satisfies Record<string, Act>;

type HappeningName = keyof typeof ACTS;
const NAMES = Object.keys(ACTS) as HappeningName[];

/** What the exchange refuses to the owner does not happen. */
function happen(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function fillOne(run: RunSession, which: number, share: number): void {
  const order = firstOf([...run.levels(), ...run.takeProfits()], which);
  if (order && run.isOpen(order)) run.desk.engine.fill(order, share);
}

/** A happening as a command of fast-check: it happens, a while passes, and what must hold holds. */
class Command implements fc.AsyncCommand<Model, RunSession> {
  readonly #happening: Happening;

  constructor(happening: Happening) {
    this.#happening = happening;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, run: RunSession): Promise<void> {
    const { what, a, b } = this.#happening;
    // A process that has failed is started again by its supervisor; one that has halted stays as it is.
    if (run.ended instanceof Error) run.restart();
    happen(() => (ACTS[what] as Act)(run, model, a, b));
    await run.pass(Math.ceil(between(250, 7_000, (a * 7 + b * 3) % 1)));
    if (run.ended instanceof Error && !model.mayFail) throw run.ended;
    if (run.faults.length > 0) throw new Error(run.faults.join('; '));
  }

  toString(): string {
    return JSON.stringify(this.#happening);
  }
}

const share = fc.integer({ min: 0, max: 99 }).map((number) => number / 100);
export const commands = fc.commands(
  NAMES.map((what) => fc.record({ what: fc.constant(what), a: share, b: share }).map((happening) => new Command(happening))),
  { maxCommands: 14, size: 'max' },
);

/** Plays commands on a new run, then lets the exchange be well and the run come to rest. Throws where something is wrong. */
export async function playCommands(kind: RunKind, cmds: Iterable<fc.AsyncCommand<Model, RunSession>>): Promise<void> {
  const run = new RunSession(kind, { seed: 3, config: { restart: 3_000 } }).start();
  const model: Model = { mayHalt: new Set(), isTouched: false, mayFail: false, silence: 0, renewals: 0 };
  await fc.asyncModelRun(() => ({ model, real: run }), cmds);
  run.onRequest = undefined;
  run.failCommits(() => false);
  if (run.ended instanceof Error) run.restart();
  run.desk.faults.clear();
  // Out of the band no take profit is accepted: the price comes back.
  run.move('100.00');
  // Three refusals in a row for too many requests are taken for a ban.
  const silence = run.runner.state.alarms.ban === undefined ? 0 : LIKE_BAN;
  await run.pass(90_000 + Math.max(silence, model.silence));
  // Whoever was banned may have had requests on the way.
  const violations = run.desk.violations.filter(({ rule }) => rule !== 'rest-while-banned');
  judge(
    run,
    model,
    violations.map(({ rule, detail }) => `${rule}: ${detail}`),
  );
}

function judge(run: RunSession, model: Model, violations: readonly string[]): void {
  const { halt, phase } = run.runner.state;
  const problems = [...violations];
  if (halt && !model.mayHalt.has(halt.kind)) problems.push(`halted: ${halt.kind}: ${halt.message}`);
  if (run.ended instanceof Error) problems.push(String(run.ended.stack));
  if (!halt) {
    run.settle();
    if (!model.isTouched) run.checkMoney(false);
    if (['reconciling', 'entering', 'looking', 'cleaning'].includes(phase)) problems.push(`it stands still in ${phase}`);
  }
  problems.push(...run.faults.filter((text) => !text.startsWith('rest-while-banned')));
  if (problems.length === 0) return;
  const said = run.events.slice(-8).map(({ kind, message }) => `${kind}: ${message}`);
  throw new Error([...problems, ...said].join('\n'));
}

/** Plays a history that was kept. */
export function playHistory(kind: RunKind, history: History): Promise<void> {
  return playCommands(
    kind,
    history.map((happening) => new Command(happening)),
  );
}
