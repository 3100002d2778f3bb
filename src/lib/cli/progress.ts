import { fstatSync } from 'node:fs';
import { READ_SHARE } from '../input/read-share.js';
import { counted } from '../model/counted.js';
import { formatCount } from '../model/number-format.js';
import { SENT_JOBS } from '../redis/sent-jobs.js';
import { followStatements, statementShare } from '../storage/database/statement-share.js';
import type { Stderr } from './stderr.js';

export type ProgressOptions = {
  /** Whether stderr is a terminal that the line is drawn on. */
  readonly isLive: boolean;
  readonly write: (text: string) => void;
  /** Writes a line of its own, where nothing is drawn. */
  readonly note: (text: string) => void;
  /** Milliseconds since a fixed moment. */
  readonly elapsed: () => number;
  /** Takes the display that other lines on stderr must hide while they are printed; undefined at the end. */
  readonly attach: (display: { hide(): void; show(): void } | undefined) => void;
};

const DRAW_EVERY = 200;
const NOTE_EVERY = 60_000;
/** Below this share an estimate of the remaining time is noise. */
const MIN_SHARE = 0.01;
const ERASE = '\r\u001b[K';

/** One line about the progress of a run: redrawn in place on a terminal, otherwise a line a minute. */
export class ProgressLine {
  readonly #options: ProgressOptions;
  readonly #started: number;
  #updated: number;
  #text = '';

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#started = options.elapsed();
    this.#updated = options.isLive ? Number.NEGATIVE_INFINITY : this.#started;
    if (options.isLive) options.attach(this);
  }

  /** Shows the text of `describe`, unless the last one is too recent. It gets the milliseconds since the start. */
  update(describe: (elapsed: number) => string): void {
    const { isLive, elapsed, write, note } = this.#options;
    const now = elapsed();
    if (now - this.#updated < (isLive ? DRAW_EVERY : NOTE_EVERY)) return;
    this.#updated = now;
    this.#text = describe(now - this.#started);
    if (isLive) write(`${ERASE}${this.#text}`);
    else note(this.#text);
  }

  /** Erases the line while something else is printed. */
  hide(): void {
    if (this.#options.isLive && this.#text !== '') this.#options.write(ERASE);
  }

  /** Draws the line again. */
  show(): void {
    if (this.#options.isLive && this.#text !== '') this.#options.write(this.#text);
  }

  end(): void {
    this.hide();
    this.#text = '';
    this.#options.attach(undefined);
  }
}

/**
 * Returns whether a step draws on stderr: it is a terminal, records are not printed on it, and stdout is no pipe. The steps
 * of a pipeline share one terminal, and the status lines of two of them would overwrite each other.
 */
export function drawsOn(stderr: Stderr, outputs: readonly string[] = []): boolean {
  const isOurs = !outputs.includes('-') || !process.stdout.isTTY;
  return process.stderr.isTTY === true && isOurs && stderr.isConversational && !isPipe(process.stdout.fd);
}

function isPipe(descriptor: number | undefined): boolean {
  try {
    const kind = fstatSync(descriptor ?? -1);
    return kind.isFIFO() || kind.isSocket();
  } catch {
    return false;
  }
}

/** Returns how progress is shown: drawn, or a line a minute. */
export function progressOn(stderr: Stderr, outputs: readonly string[] = []): ProgressOptions {
  return {
    isLive: drawsOn(stderr, outputs),
    write: (text) => void process.stderr.write(text),
    note: (text) => stderr.note(text),
    elapsed: () => performance.now(),
    attach: (display) => {
      stderr.display = display;
    },
  };
}

/** Milliseconds after which a step shows that it works. */
const QUICK = 1_000;

/** What a step that works shows. */
export type Work = {
  /** Counts records that it has delivered. */
  add(records: number): void;
  end(): void;
};

export const NO_WORK: Work = { add() {}, end() {} };

/**
 * Shows on a terminal that a batch step works, once it has taken a second: its records, their rate, and the time left where
 * the share of the input that is read, or of the statement that runs, is known. Elsewhere nothing is shown.
 */
export function showWork(options: ProgressOptions, name: string, share: Share = SHARES): Work {
  if (!options.isLive) return NO_WORK;
  followStatements();
  const started = options.elapsed();
  const estimate = new Estimate();
  let records = 0;
  let line: ProgressLine | undefined;
  const timer = setInterval(() => {
    const elapsed = options.elapsed() - started;
    const part = partText(share, estimate, elapsed);
    if (elapsed < QUICK) return;
    line ??= new ProgressLine(options);
    line.update(() => `${name}: ${workText(records, elapsed, part)}`);
  }, DRAW_EVERY).unref();
  return {
    add: (more) => {
      records += more;
    },
    end() {
      clearInterval(timer);
      line?.end();
    },
  };
}

/** Runs one long operation, and shows meanwhile that it works. */
export async function whileWorking<Result>(stderr: Stderr, name: string, run: () => Promise<Result>): Promise<Result> {
  const work = showWork(progressOn(stderr), name);
  return await run().finally(() => work.end());
}

/** Jobs of workers, as `SENT_JOBS`. */
type Jobs = Readonly<Pick<typeof SENT_JOBS, 'all' | 'ended' | 'part' | 'parts'>>;

/** What is done: the share of the input files and of the statement that runs (0 to 1, undefined where not known), and the jobs of workers. */
type Share = {
  readonly read: () => number | undefined;
  readonly pass: () => number | undefined;
  readonly jobs?: Jobs;
};

const SHARES: Share = { read: () => READ_SHARE.share, pass: statementShare, jobs: SENT_JOBS };

/** Estimates the time left of a pass over the data from its share at several times. A share that falls begins another pass. */
class Estimate {
  #share = Number.POSITIVE_INFINITY;
  #begun = { share: 0, elapsed: 0 };

  /** Returns `, about 12 s left` at `elapsed` milliseconds. */
  leftText(share: number, elapsed: number): string {
    if (share < this.#share) this.#begun = { share, elapsed };
    this.#share = share;
    const { share: before, elapsed: since } = this.#begun;
    const done = (share - before) / (1 - before);
    return elapsed - since < DRAW_EVERY ? '' : remainingText(done, elapsed - since);
  }
}

/** What a step has done of the input or of its current pass, and the time left in it; empty where neither is known. */
type Part = { readonly done: string; readonly left: string };

function partText({ read, pass, jobs }: Share, estimate: Estimate, elapsed: number): Part {
  if (jobs && jobs.ended < jobs.all) return jobsText(jobs, estimate, elapsed);
  const share = read();
  const isReading = share !== undefined && share < 1;
  const shown = isReading ? share : pass();
  if (shown === undefined || shown >= 1) return { done: '', left: '' };
  const percent = `${(shown * 100).toFixed(0)} %`;
  const left = estimate.leftText(shown, elapsed);
  // A step may take several passes, and nobody knows how many.
  return isReading
    ? { done: `${percent} read`, left }
    : { done: `${percent} of this pass`, left: left === '' ? '' : `${left} in it` };
}

/** Returns `12 of 40 jobs of workers (part 2 of 5)`, and the time left in all parts. */
function jobsText({ all, ended, part, parts }: Jobs, estimate: Estimate, elapsed: number): Part {
  const done = `${formatCount(ended)} of ${counted(all, 'job')} of workers${parts > 1 ? ` (part ${part} of ${parts})` : ''}`;
  return { done, left: estimate.leftText((part - 1 + ended / all) / parts, elapsed) };
}

/** Returns `45 % read, 120,000 records, 23,000/s, 12 s, about 15 s left`. */
function workText(records: number, elapsed: number, { done, left }: Part): string {
  const rate = formatCount(records / (elapsed / 1_000));
  return [done, records > 0 ? `${counted(records, 'record')}, ${rate}/s` : '', `${(elapsed / 1_000).toFixed(0)} s${left}`]
    .filter((text) => text !== '')
    .join(', ');
}

/** Notes a line a minute while an endless step runs; none where `text` has nothing to say. */
export function noteEachMinute(stderr: Pick<Stderr, 'note'>, text: () => string | undefined): { stop(): void } {
  const timer = setInterval(() => {
    const line = text();
    if (line !== undefined) stderr.note(line);
  }, NOTE_EVERY).unref();
  return { stop: () => clearInterval(timer) };
}

/** Returns `, about 5 min left` for a share of the work (0 to 1) done in `elapsed` milliseconds; empty for a small share. */
export function remainingText(share: number, elapsed: number): string {
  return share < MIN_SHARE ? '' : `, about ${roughDuration(((elapsed / share) * (1 - share)) / 1_000)} left`;
}

/** Returns a rough duration in one unit: `45 s`, `12 min`, `3.5 h`. */
export function roughDuration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
