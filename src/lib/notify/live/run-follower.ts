import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OutboxRow } from '../../execution/messages.js';
import { lockFile, openRunStore, runDirectory, type SqliteRunStore } from '../../execution/store/sqlite-store.js';
import { DAY, MINUTE } from '../../model/time.js';
import { replaceFile } from '../../storage/files/durable-file.js';
import type { Notice } from '../notice.js';
import { RecordNotices } from '../record-notices.js';
import type { Progress } from '../sink-queue.js';
import { defaultLiquidationLimit, type Sign, Watchdog, type WatchdogState, watchdogSource } from '../watchdog.js';
import { type Notifier, systemMoment } from './notifier.js';

export type FollowerOptions = {
  readonly store: string;
  readonly name: string;
  readonly notifier: Notifier;
  /** Milliseconds without a sign of the run, and the distance of the liquidation, a fraction. */
  readonly stalled: number;
  readonly liquidation: (symbol: string) => number | undefined;
  readonly warn: (text: string) => void;
};

const BATCH = 500;
/** A sink that sees a run for the first time begins with what is younger (microseconds): the past is in `grid status`. */
const FRESH = 10 * MINUTE;
/** Milliseconds between two looks at the heartbeat. */
const LOOK = 2_000;
/** Milliseconds after which one that still follows is taken for one that stays. */
const OTHER_FOLLOWS = 10_000;

type BySink = Readonly<Record<string, Progress>>;

/** What `notify.json` holds. */
type Known = {
  readonly version: number;
  readonly sinks: BySink;
  readonly watchdog?: (WatchdogState & { readonly sinks: BySink }) | undefined;
};

const NOTHING_KNOWN: Known = { version: 1, sinks: {} };

/**
 * Follows one run, if no other process does: its outbox and its heartbeat. It only reads the journal, so that nothing here can
 * hold up a commit of the run; how far each sink is stands in a file beside it.
 */
export class RunFollower {
  readonly #options: FollowerOptions;
  readonly #directory: string;
  readonly #notices = new RecordNotices();
  #journal: SqliteRunStore | undefined;
  #watchdog: Watchdog | undefined;
  #unlock: (() => void) | undefined;
  #read = -1;
  #looked = Number.NEGATIVE_INFINITY;
  #locked = Number.NEGATIVE_INFINITY;
  #saved = '';
  #problem = '';

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#directory = runDirectory(options.store, options.name);
  }

  /** Takes what is new. It never throws: a journal that cannot be read now is read the next time. */
  async poll(): Promise<void> {
    try {
      this.#journal ??= await this.#open();
      if (this.#unlock === undefined) await this.#lock(this.#journal);
      if (this.#unlock !== undefined) {
        this.#readOutbox(this.#journal);
        this.#look(this.#journal);
      }
      this.#problem = '';
    } catch (error) {
      this.#report((error as Error).message);
      this.#journal?.close();
      this.#journal = undefined;
    }
    await this.save();
  }

  /**
   * Whether nothing is left to follow some time (ms) after the process that trades has ended: the run is over, another process goes
   * on with it, or another process follows it. A run that was killed is none of these.
   */
  isSettled(trader: number, waited: number): boolean {
    // The one that follows may be about to leave, too.
    if (this.#unlock === undefined || this.#journal === undefined) return waited > OTHER_FOLLOWS;
    if (this.#journal.outbox(this.#read, 1).length > 0) return false;
    const pid = this.#journal.lastHeartbeat?.pid;
    return this.#journal.state?.finished !== undefined || (pid !== undefined && pid !== trader && isAlive(pid));
  }

  /** Writes how far the sinks are. A sink goes on even if that fails: a repeat is better than silence. */
  async save(): Promise<void> {
    if (this.#unlock === undefined) return;
    const { notifier, name } = this.#options;
    const watched = this.#watchdog && { ...this.#watchdog.state, sinks: notifier.progress(watchdogSource(name)) };
    const known: Known = { version: 1, sinks: notifier.progress(name), watchdog: watched };
    const text = JSON.stringify(known);
    if (text === this.#saved) return;
    try {
      await replaceFile(this.#path, `${text}\n`);
      this.#saved = text;
    } catch (error) {
      this.#report(`${this.#path} cannot be written (${(error as Error).message}): after a restart messages repeat`);
    }
  }

  async close(): Promise<void> {
    await this.save();
    this.#journal?.close();
    this.#unlock?.();
  }

  get #path(): string {
    return join(this.#directory, 'notify.json');
  }

  async #open(): Promise<SqliteRunStore> {
    const journal = await openRunStore(this.#directory, { readOnly: true });
    const { exchange, symbol, mode, leverage } = journal.config;
    const { name: run, stalled, liquidation } = this.#options;
    const limits = { stalled, liquidation: liquidation(symbol) ?? defaultLiquidationLimit(leverage) };
    this.#watchdog ??= new Watchdog({ run, mode, exchange, symbol }, limits);
    return journal;
  }

  /** One process sends what a run writes. A second one waits, and goes on when the first has ended. */
  async #lock(journal: SqliteRunStore): Promise<void> {
    const { at } = systemMoment();
    if (at - this.#locked < LOOK) return;
    this.#locked = at;
    this.#unlock = await lockFile(join(this.#directory, 'notify.lock'));
    if (this.#unlock !== undefined) this.#restore(journal);
  }

  #restore(journal: SqliteRunStore): void {
    const { notifier, name } = this.#options;
    const { sinks, watchdog } = existsSync(this.#path) ? readKnown(readFileSync(this.#path, 'utf8')) : NOTHING_KNOWN;
    if (watchdog) this.#watchdog?.restore(watchdog);
    for (const [sink, progress] of Object.entries(watchdog?.sinks ?? {})) notifier.restore(sink, watchdogSource(name), progress);
    const fresh: Progress = { seq: beginning(journal), ahead: [], open: [] };
    const all = notifier.sinks.map((sink) => [sink, sinks[sink] ?? fresh] as const);
    for (const [sink, progress] of all) notifier.restore(sink, name, progress);
    this.#read = Math.min(...all.map(([, { seq }]) => seq));
  }

  #readOutbox(journal: SqliteRunStore): void {
    const { notifier, name } = this.#options;
    const { time } = systemMoment();
    for (;;) {
      const rows = journal.outbox(this.#read, BATCH);
      for (const { seq, record } of rows) {
        const notice = this.#notices.read(record, { source: name, seq });
        if (notice) notifier.take(aged(notice, time));
      }
      const last = rows.at(-1);
      if (!last) return;
      this.#read = last.seq;
      notifier.pass(name, last.seq);
    }
  }

  #look(journal: SqliteRunStore): void {
    const moment = systemMoment();
    if (moment.at - this.#looked < LOOK) return;
    this.#looked = moment.at;
    const heartbeat = journal.lastHeartbeat;
    if (!heartbeat) return;
    const { at, pid, facts } = heartbeat;
    const figures = facts as Pick<Sign, 'mark' | 'liquidation'>;
    // The journal knows of fills after the last heartbeat of a killed process.
    const { held, finished } = journal.state ?? {};
    const sign: Sign = { ...figures, held, at, isAlive: isAlive(pid), isFinished: finished !== undefined };
    for (const notice of this.#watchdog?.look(sign, moment) ?? []) this.#options.notifier.take(notice);
  }

  #report(problem: string): void {
    if (problem !== this.#problem) this.#options.warn(`notify: ${this.#options.name}: ${problem}`);
    this.#problem = problem;
  }
}

/** An alarm of more than a day ago is no alarm any more; it is counted with the rest. */
function aged(notice: Notice, now: number): Notice {
  if (notice.severity !== 'alarm' || now - notice.time <= DAY) return notice;
  return Object.create(notice, { severity: { value: 'warning', enumerable: true } }) as Notice;
}

/** The number of the last record that a sink which sees the run for the first time leaves out. */
function beginning(journal: SqliteRunStore): number {
  const from = Date.now() * 1_000 - FRESH;
  let last = -1;
  for (;;) {
    const rows: readonly OutboxRow[] = journal.outbox(last, BATCH);
    const young = rows.findIndex(({ record }) => record.timestamp >= from);
    if (young !== -1) return rows[young - 1]?.seq ?? last;
    if (rows.length === 0) return last;
    last = (rows.at(-1) as OutboxRow).seq;
  }
}

/** A file that another version wrote, or that is damaged, makes messages repeat; it must not make them stop. */
function readKnown(text: string): Known {
  try {
    const known = JSON.parse(text) as Known;
    return known.version === 1 ? known : NOTHING_KNOWN;
  } catch {
    return NOTHING_KNOWN;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
