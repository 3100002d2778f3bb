import { AccountError } from '../../account/client.js';
import type { Outcome } from '../../exchanges/private-side.js';
import { SYSTEM_TIMING, type Timing } from '../../transport/timing.js';
import { due } from '../due.js';
import type { Action, Input, OtherRuns, OutboxRow, Wire } from '../messages.js';
import { type InstrumentRules, initialState, type RunConfig, type RunState, type StopMode } from '../state.js';
import { step } from '../step.js';
import type { RunStore } from '../store/run-store.js';
import type { Venue } from './venue.js';

/** Where a process can die so that it matters. */
export type CrashPoint =
  | 'before-commit'
  | 'committed'
  | 'before-intent'
  | 'after-intent'
  | 'before-reply-commit'
  | 'after-commit';

export type RunnerOptions = {
  readonly store: RunStore;
  readonly venue: Venue;
  readonly rules: InstrumentRules;
  /** Three characters that no earlier start of this database has had. */
  readonly code: string;
  readonly resume?: boolean | undefined;
  /** Why no new cycle may begin, whatever else. */
  readonly noNewCycle?: string | undefined;
  /** Starts only to end the run in this way. */
  readonly stop?: StopMode | undefined;
  /** When the key expires, microseconds. */
  readonly keyExpires?: number | undefined;
  readonly timing?: Timing | undefined;
  /** What other runs of this process bind; absent where nothing joins them. */
  readonly others?: (() => OtherRuns | undefined) | undefined;
  /** Called after each commit with the records of it. */
  readonly onRecords?: ((rows: readonly OutboxRow[]) => void) | undefined;
  /** Called at named points, with the state that is, or is about to be, true; tests throw there. */
  readonly at?: ((point: CrashPoint, state: RunState) => void) | undefined;
};

/** An action that changes something on the exchange. */
type WriteAction = Extract<Action, { kind: 'place' | 'cancel' | 'protect' | 'unprotect' }>;

/** An input without its times. */
type News<Kind extends Input = Input> = Kind extends Input ? Omit<Kind, 'at' | 'time'> : never;

/** Time passes for the core at least this often. */
const TICK = 250;
const SLEPT = 30_000;
const HEARTBEAT = 5_000;
const COMMANDS = 250;
/** Milliseconds between two looks at the free space. */
const SPACE = 30_000;

/** Figures of the requests of a process. */
type RequestFigures = { sent: number; failed: number; latency: number };

/**
 * Runs one ladder: gives the pure core what happens, commits what follows, and sends what the core lets through. Everything that
 * waits is here, and nothing is decided here.
 */
export class Runner {
  readonly requests: RequestFigures = { sent: 0, failed: 0, latency: 0 };
  readonly #options: RunnerOptions;
  readonly #config: RunConfig;
  readonly #timing: Timing;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #state: RunState;
  #failure: unknown;
  #wake = () => {};

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#config = options.store.config;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    this.#state = options.store.state ?? initialState(options.rules, Math.floor(options.venue.now() * 1_000));
  }

  get state(): RunState {
    return this.#state;
  }

  get config(): RunConfig {
    return this.#config;
  }

  /** Asks for an end; the second request does not undo the first. */
  stop(mode: StopMode): void {
    this.#guarded(() => this.#take({ kind: 'stop', mode }));
  }

  /** Halts the run for a reason that lies outside of it. */
  halt(what: string, message: string): void {
    this.#guarded(() => this.#take({ kind: 'halt', what, message }));
  }

  /** Runs until the run is finished; returns the exit code. Throws what makes going on unsafe: a commit that failed. */
  async run(): Promise<number> {
    const { venue, code, resume = false, noNewCycle, stop, keyExpires } = this.#options;
    const { offset } = venue;
    this.#guarded(() => this.#take({ kind: 'started', code, resume, noNewCycle, stop, keyExpires, offset }));
    const listening = venue.listen(
      {
        pushed: ({ orders, fills, positions }) => this.#guarded(() => this.#take({ kind: 'push', orders, fills, positions })),
        interrupted: (reason) => this.#guarded(() => this.#take({ kind: 'interrupted', reason })),
      },
      this.#stop.signal,
    );
    listening.catch((error) => this.#refused(error));
    try {
      await this.#loop();
    } finally {
      this.#stop.abort();
      await Promise.all(this.#running.values());
      await listening.catch(() => {});
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.#state.finished ?? 1;
  }

  async #loop(): Promise<void> {
    const { store } = this.#options;
    let before = this.#timing.now();
    let [beaten, polled, spaced] = Array<number>(3).fill(Number.NEGATIVE_INFINITY) as [number, number, number];
    while (this.#state.finished === undefined && this.#failure === undefined) {
      const now = this.#timing.now();
      this.#guarded(() => {
        if (now - before > SLEPT)
          this.#take({ kind: 'interrupted', reason: `this host stood still for ${Math.round((now - before) / 1_000)} s` });
        before = now;
        this.#take({ kind: 'tick' });
        if (now - polled >= COMMANDS) {
          polled = now;
          const command = store.takeCommand();
          if (command) this.#take({ kind: 'stop', mode: command.mode });
        }
        if (now - spaced >= SPACE) {
          spaced = now;
          void this.#lookForSpace();
        }
        if (now - beaten >= HEARTBEAT) {
          beaten = now;
          const { phase, held, position } = this.#state;
          const [mark, liquidation] = [position?.mark, position?.liquidation].map((text) => text && Number(text));
          store.heartbeat({ ...this.requests, phase, held, ...(Number(held) > 0 && { mark, liquidation }) });
        }
        this.#pump();
      });
      if (this.#state.finished !== undefined || this.#failure !== undefined) return;
      await Promise.race([
        this.#timing.sleep(TICK),
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      ]);
    }
  }

  async #lookForSpace(): Promise<void> {
    const free = await this.#options.store.freeSpace?.();
    if (free !== undefined && this.#state.finished === undefined) this.#guarded(() => this.#take({ kind: 'space', free }));
  }

  /** Starts what is due and not under way. */
  #pump(): void {
    for (const action of due(this.#state, this.#config, this.#timing.now())) {
      const key = keyOf(action);
      if (this.#running.has(key)) continue;
      const work = this.#perform(action)
        .catch((error) => this.#fail(error))
        .finally(() => {
          this.#running.delete(key);
          this.#wake();
        });
      this.#running.set(key, work);
    }
  }

  async #perform(action: Action): Promise<void> {
    switch (action.kind) {
      case 'place':
      case 'cancel':
      case 'protect':
      case 'unprotect':
        await this.#write(action);
        return;
      case 'clock':
        await this.#synchronise(action);
        return;
      default:
        this.#take({ kind: 'asked', action });
        await this.#ask(action);
    }
  }

  async #synchronise(action: Action): Promise<void> {
    try {
      const offset = await this.#options.venue.synchronise();
      this.#take({ kind: 'clock', offset });
    } catch (error) {
      if (isFatal(error)) throw error;
      this.#take({ kind: 'failed', action, outcome: outcomeOf(error) });
    }
  }

  async #ask(action: Exclude<Action, WriteAction | { kind: 'clock' }>): Promise<void> {
    const { venue } = this.#options;
    const asked = this.#timing.now();
    try {
      if (action.kind === 'lookup') {
        const order = this.#state.orders.find(({ clientId }) => clientId === action.clientId);
        const answers = order ? await venue.lookUp(order) : [];
        this.#take({ kind: 'looked', clientId: action.clientId, answers });
      } else if (action.kind === 'plan') this.#take({ kind: 'planned', ...(await venue.quote()) });
      else if (action.what === 'open') this.#take({ kind: 'read', what: 'open', asked, orders: await venue.open() });
      else if (action.what === 'fills')
        this.#take({ kind: 'read', what: 'fills', asked, fills: await venue.fills(action.since ?? 0) });
      else if (action.what === 'stops') this.#take({ kind: 'read', what: 'stops', asked, stops: await venue.stops() });
      else if (action.what === 'funding')
        this.#take({ kind: 'read', what: 'funding', asked, fundings: await venue.fundings(action.since ?? 0) });
      else this.#take({ kind: 'read', what: 'position', asked, positions: await venue.positions() });
      this.#count(asked);
    } catch (error) {
      if (this.#failure !== undefined) return;
      if (isFatal(error)) throw error;
      this.requests.failed += 1;
      this.#take({ kind: 'failed', action, outcome: outcomeOf(error) });
    }
  }

  async #write(action: WriteAction): Promise<void> {
    const { venue } = this.#options;
    let clientIds: readonly string[] = [];
    let asked = this.#timing.now();
    const decide = (): Wire | undefined => {
      if (this.#failure !== undefined || this.#state.finished !== undefined) return undefined;
      this.#options.at?.('before-intent', this.#state);
      const wire = this.#take({ kind: 'send', action, others: this.#options.others?.() });
      this.#options.at?.('after-intent', this.#state);
      clientIds = wire === undefined ? [] : idsOf(wire);
      asked = this.#timing.now();
      return wire;
    };
    const results = await writeTo(venue, action, decide);
    if (results === undefined || clientIds.length === 0) return;
    this.#options.at?.('before-reply-commit', this.#state);
    if (this.#failure !== undefined) return;
    this.#take({ kind: 'sent', what: action.kind, clientIds, results });
    this.#options.at?.('after-commit', this.#state);
    if (results.some(({ outcome }) => outcome.class === 'unknown')) this.requests.failed += 1;
    this.#count(asked);
  }

  #count(asked: number): void {
    this.requests.sent += 1;
    const latency = this.#timing.now() - asked;
    this.requests.latency += (latency - this.requests.latency) / Math.min(this.requests.sent, 100);
  }

  /** One step: the commit is durable before anything of it is seen. */
  #take(news: News): Wire | undefined {
    const times = { at: this.#timing.now(), time: this.#options.venue.now() };
    const { state, commit, wire } = step(this.#state, this.#config, { ...news, ...times } as Input);
    if (commit) this.#options.at?.('before-commit', state);
    if (commit) this.#options.store.commit(commit);
    this.#state = state;
    if (commit) this.#options.at?.('committed', state);
    if (commit && commit.outbox.length > 0) this.#options.onRecords?.(commit.outbox);
    if (news.kind !== 'tick') this.#wake();
    return wire;
  }

  #guarded(work: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nothing is sent after a commit that failed. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  #refused(error: unknown): void {
    if (!(error instanceof AccountError)) {
      this.#fail(error);
      return;
    }
    this.#guarded(() => this.#take({ kind: 'failed', action: { kind: 'clock' }, outcome: error.outcome }));
  }
}

function writeTo(venue: Venue, action: WriteAction, decide: () => Wire | undefined) {
  if (action.kind === 'place') return venue.place(action.drafts, decide);
  return action.kind === 'cancel' ? venue.cancel(action.clientIds.length, decide) : venue.protect(action, decide);
}

/** Returns what names the orders of a wire. */
function idsOf(wire: Wire): string[] {
  if ('orders' in wire) return wire.orders.map(({ clientId }) => clientId);
  return [wire.stop.clientId ?? ('orderId' in wire.stop ? (wire.stop.orderId ?? '') : '')];
}

function keyOf(action: Action): string {
  switch (action.kind) {
    case 'place':
      return `place ${action.drafts[0]?.role}`;
    case 'lookup':
      return `lookup ${action.clientId}`;
    case 'read':
      return `read ${action.what}`;
    default:
      return action.kind;
  }
}

/** A commit that failed, or a fault of our own: not something that an exchange has said. */
function isFatal(error: unknown): boolean {
  return !(error instanceof Error) || error.name === 'LimitError' || error instanceof TypeError || error instanceof RangeError;
}

function outcomeOf(error: unknown): Outcome {
  return error instanceof AccountError ? error.outcome : { class: 'unknown', message: (error as Error).message };
}
