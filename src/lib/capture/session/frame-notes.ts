import type { Frame } from '../../exchanges/exchange.js';
import { excerpt } from '../../model/ndjson.js';
import { type FrameBytes, type TapeEntry, textOf } from '../../tape/tape.js';
import type { Statistics } from '../statistics.js';
import type { CaptureOptions } from './capture-options.js';

/** Counts frames without data, and logs the first of every kind of trouble. */
export class FrameNotes {
  readonly statistics: Statistics;
  readonly #warn: (message: string) => void;

  constructor(statistics: Statistics, { warn }: Pick<CaptureOptions, 'warn'>) {
    this.statistics = statistics;
    this.#warn = warn;
  }

  /** Counts a frame without data. */
  frame(frame: Frame, content: string | FrameBytes): void {
    const statistics = this.statistics;
    if (frame.kind === 'silent') statistics.note(statistics.silent, frame.what);
    else if (frame.kind === 'unknown') this.trouble(statistics.unknown, 'unknown frame', frame.what, content);
    else if (frame.kind === 'rejected') this.trouble(statistics.rejected, 'frame', frame.reason, content);
    else if (frame.kind === 'refused')
      this.trouble(statistics.refused, 'subscription refused', `${frame.topic ?? ''} ${frame.reason}`);
  }

  /** Counts a tape line that could not be read. */
  broken({ reason, sentence }: Extract<TapeEntry, { kind: 'broken' }>): void {
    if (this.statistics.note(this.statistics.broken, reason)) this.#warn(`tape line: ${sentence}`);
  }

  /** Counts one more of a kind of trouble; logs the first, with an excerpt of `content`. */
  trouble(counts: Map<string, number>, what: string, reason: string, content?: string | FrameBytes): void {
    if (this.statistics.note(counts, reason))
      this.#warn(`${what}: ${reason}${content === undefined ? '' : ` in ${excerpt(textOf(content))}`}`);
  }
}
