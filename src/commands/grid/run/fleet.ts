import { reportOf } from '../../../lib/cli/error-report.js';
import { redact } from '../../../lib/cli/redaction.js';
import type { Summary } from '../../../lib/cli/summary.js';
import { committedMargin } from '../../../lib/execution/gate.js';
import { equityOf } from '../../../lib/execution/orders.js';
import type { StopMode } from '../../../lib/execution/state.js';
import { EXIT, UsageError } from '../../../lib/model/errors.js';
import type { AnyRecord } from '../../../lib/model/records.js';
import { Exact } from '../../../lib/model/ticks.js';
import type { RunFlags } from './flags.js';
import { openSession, type RunSession, type SessionContext } from './session.js';

/** A run to open: its name, and its flags as they were parsed. */
export type FleetEntry = { readonly name: string; readonly flags: RunFlags; readonly given: Readonly<Record<string, string>> };

/** Limits over all runs of a process, quote units. */
type FleetLimits = { readonly maxTotalDeposit?: string | undefined; readonly maxTotalLoss?: string | undefined };

const WATCH = 1_000;

/** Several runs in one process. What ends or breaks one leaves the others alone; only limits over all of them join them. */
export class Fleet {
  readonly #sessions: RunSession[] = [];
  readonly #failures: { readonly name: string; readonly error: unknown }[] = [];
  readonly #limits: FleetLimits;
  #watch: NodeJS.Timeout | undefined;

  constructor(limits: FleetLimits) {
    this.#limits = limits;
  }

  get sessions(): readonly RunSession[] {
    return this.#sessions;
  }

  /** What ended a run that broke, the first of them. */
  get failure(): unknown {
    return this.#failures[0]?.error;
  }

  /** Opens runs one after the other: each may ask for a confirmation. One that cannot be opened is reported at the end. */
  async open(entries: readonly FleetEntry[], context: SessionContext): Promise<void> {
    const shared = { ...context, accounts: new Map(), others: (session: () => RunSession) => () => this.#others(session()) };
    for (const { name, flags, given } of entries) {
      try {
        this.#sessions.push(await openSession(name, flags, { given }, shared));
      } catch (error) {
        if (entries.length === 1) throw error;
        this.#fail(name, error, context);
      }
    }
    if (this.#sessions.length === 0) throw this.#failures[0]?.error ?? new UsageError('no run could be opened');
  }

  #fail(name: string, error: unknown, { stderr, failed }: SessionContext): void {
    this.#failures.push({ name, error });
    const text = `${name}: ${(error as Error).message}`;
    stderr.warn(text);
    failed?.(redact(text));
  }

  /** What the other runs bind, for the last gate before an order of one leaves. */
  #others(own: RunSession) {
    const limit = this.#limits.maxTotalDeposit;
    if (limit === undefined) return undefined;
    const margin = this.#sessions
      .filter((session) => session !== own)
      .reduce((sum, { runner }) => sum.plus(committedMargin(runner.state, runner.config)), new Exact(0));
    return { margin: margin.toString(), limit };
  }

  /** Yields what all runs write, until the last one has ended. */
  async *records(context: SessionContext): AsyncGenerator<readonly AnyRecord[]> {
    this.#watch = setInterval(() => this.#watchLoss(), WATCH);
    const pending = new Map(this.#sessions.map((session) => [session, nextOf(session, session.records())]));
    while (pending.size > 0) {
      const { session, source, result, error } = await Promise.race(pending.values());
      if (error !== undefined) this.#fail(session.config.name, error, context);
      if (result === undefined || result.done) pending.delete(session);
      else {
        yield result.value;
        pending.set(session, nextOf(session, source));
      }
    }
  }

  /** Halts every run when all of them together have lost too much. */
  #watchLoss(): void {
    const { maxTotalLoss } = this.#limits;
    if (maxTotalLoss === undefined) return;
    const equity = this.#sessions.reduce((sum, { runner }) => sum.plus(equityOf(runner.state, runner.config) ?? 0), new Exact(0));
    if (equity.negated().lt(maxTotalLoss)) return;
    const message = `all runs together have lost ${equity.negated().toDecimalPlaces(2)}, the limit is ${maxTotalLoss}`;
    for (const { runner } of this.#sessions) runner.halt('max_total_loss', message);
  }

  stop(mode: StopMode): void {
    for (const { runner } of this.#sessions) runner.stop(mode);
  }

  /** Says how each run ended. */
  conclude(summary: Summary): void {
    for (const session of this.#sessions) concludeRun(session, summary, `${session.config.name}: `);
    for (const { name, error } of this.#failures) {
      const { message, exitCode } = reportOf(error, { command: 'grid run', flags: [] });
      const text = `${name}: ${message}`;
      if (exitCode === EXIT.unsafe) summary.unsafe(text);
      else if (exitCode === EXIT.unreachable) summary.unreachable(text);
      else summary.failed(text);
    }
  }

  close(): void {
    clearInterval(this.#watch);
    for (const session of this.#sessions) session.close();
  }
}

async function nextOf(session: RunSession, source: AsyncGenerator<readonly AnyRecord[]>) {
  try {
    return { session, source, result: await source.next(), error: undefined };
  } catch (error) {
    return { session, source, result: undefined, error };
  }
}

/** Says how a run ended. */
function concludeRun(session: RunSession, summary: Summary, prefix = ''): void {
  const code = session.result();
  const halt = session.runner.state.halt?.message;
  if (code === 3)
    summary.incomplete(`${prefix}something of the run remains, or what became of it is not known: mdtool grid status`);
  if (code === 4) summary.unsafe(`${prefix}halted: ${halt ?? 'a limit was reached'}`);
  if (code === 5) summary.unreachable(`${prefix}the exchange refuses the key`);
}
