import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../../src/lib/execution/state.js';
import { createRunStore, type SqliteRunStore } from '../../src/lib/execution/store/sqlite-store.js';
import { pick, seeded } from './random.js';
import { type RunKind, RunSession } from './run-session.js';

const MINUTE = 60_000;
/** Halts that faults alone may lead to; a run that is watched over is then let go on. */
const MAY_HALT = new Set(['vanished', 'entry', 'loop', 'liquidation']);

/** What an hour leaves behind. */
type HourFigures = {
  readonly cycles: number;
  readonly orders: number;
  /** Characters of the state, which is written whole with each commit. */
  readonly state: number;
  /** Bytes of the journal on disk, with what its next checkpoint takes over. */
  readonly disk: number;
  readonly outbox: number;
  readonly heap: number;
};

type Day = { readonly problems: readonly string[]; readonly hours: readonly HourFigures[] };

/** Plays a run for hours: a market that wanders, every fault at a low rate, a journal on disk, a sink that takes its records. */
export async function playDay(kind: RunKind, seed: number, hours: number): Promise<Day> {
  // In memory where there is such a folder: a virtual day has 17,000 heartbeats, and none of them is about the disk.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mdtool-run-day-'));
  let journal: SqliteRunStore | undefined;
  try {
    const sample = new RunSession(kind, { config: { restart: 60_000 } }).store.config;
    journal = await createRunStore(folder, sample);
    const store = journal;
    const run = new RunSession(kind, {
      seed,
      config: { restart: 60_000 },
      store: (_: RunConfig) => store,
      isCheckedSeldom: true,
    });
    run.desk.hub.keepsPushes = false;
    return await playHours(run.start(), store, seed, hours);
  } finally {
    journal?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function playHours(run: RunSession, store: SqliteRunStore, seed: number, hours: number): Promise<Day> {
  const random = seeded(seed);
  const figures: HourFigures[] = [];
  const problems: string[] = [];
  const faults = faultsOf(run, random);
  for (let minute = 1; minute <= hours * 60; minute++) {
    for (let step = 0; step < 4; step++) {
      // It comes back to where it was: a ladder lives and dies within hours.
      const drift = (100 - Number(run.price)) * 0.01;
      run.move((Number(run.price) + drift + (random() - 0.5) * 1.2).toFixed(2));
      await run.pass(MINUTE / 4);
    }
    run.check();
    if (random() < 0.15) pick(random, faults)();
    if (random() < 0.15) run.desk.faults.clear();
    const { halt } = run.runner.state;
    if (halt && !MAY_HALT.has(halt.kind)) problems.push(`minute ${minute}: halted: ${halt.kind}: ${halt.message}`);
    if (run.ended instanceof Error) problems.push(`minute ${minute}: ${run.ended.message}`);
    if (run.ended !== undefined) run.restart({ resume: true });
    deliver(store);
    if (problems.length + run.faults.length > 0) break;
    if (minute % 60 === 0) figures.push(figuresOf(run, store));
  }
  run.desk.faults.clear();
  await run.pass(3 * MINUTE);
  if (run.ended === undefined) run.settle();
  return { problems: [...problems, ...run.faults], hours: figures };
}

function faultsOf(run: RunSession, random: () => number): (() => void)[] {
  const { faults } = run.desk;
  const later = (range: number) => Math.ceil(random() * range);
  return [
    () =>
      Object.assign(faults.pushes, { drop: random() * 0.5, duplicate: random(), reorder: random(), delay: [0, later(2_000)] }),
    () => Object.assign(faults.pushes, { isMute: true }),
    () => Object.assign(faults.lags, { detail: later(3_000), open: later(3_000), fills: later(4_000), positions: later(3_000) }),
    () => faults.request({ when: 'after', answer: pick(random, ['cut', 'hang', 'empty']) }, { method: 'POST' }),
    () => faults.request({ when: 'before', answer: pick(random, ['cut', 'empty']) }, { method: 'POST' }),
    () => faults.request({ when: 'before', answer: 'throttle' }),
    () => faults.request({ when: 'arrives', delay: later(20_000), answer: 'cut' }, { method: 'POST' }),
    () => faults.raceCancel(() => true, pick(random, [0.3, 1])),
    () => faults.maintain(run.desk.now() + later(30_000)),
    () => run.wire.cut(),
    () => run.restart(),
    () => {
      run.wire.skew = later(80_000) - 40_000;
    },
  ];
}

/** A sink takes what is there, so that the outbox may forget it. */
function deliver(store: SqliteRunStore): void {
  for (;;) {
    const last = store.outbox(store.cursor('store'), 500).at(-1);
    if (last === undefined) return;
    store.advance('store', last.seq);
  }
}

function figuresOf(run: RunSession, store: SqliteRunStore): HourFigures {
  const { state } = run.runner;
  // What the test itself keeps of the hour is not the run's.
  run.desk.requests.length = 0;
  run.events.length = 0;
  globalThis.gc?.();
  const size = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  return {
    cycles: state.books.cycles,
    orders: state.books.placed,
    state: JSON.stringify(state).length,
    disk: size(store.path) + size(`${store.path}-wal`),
    outbox: store.outbox(-1, 100_000).length,
    heap: process.memoryUsage().heapUsed,
  };
}

/** What of the figures is not flat; intents, orders and fills are kept for ever, the rest is not. */
export function growthOf({ hours }: Day): string[] {
  const [first, last] = [hours[0], hours.at(-1)];
  if (first === undefined || last === undefined) return ['no hour was played'];
  const most = (name: keyof HourFigures) => Math.max(...hours.map((hour) => hour[name]));
  const perOrder = (last.disk - first.disk) / Math.max(1, last.orders - first.orders);
  return [
    ...(most('state') > 60_000 ? [`the state has ${most('state')} characters`] : []),
    ...(most('outbox') > 2_500 ? [`the outbox has ${most('outbox')} rows although all were taken`] : []),
    ...(perOrder > 4_000 ? [`the journal grows by ${Math.round(perOrder)} bytes an order`] : []),
  ];
}
