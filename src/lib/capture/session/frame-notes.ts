import type { Frame } from '../../exchanges/exchange.js';
import { excerpt } from '../../model/ndjson.js';
import { type FrameBytes, type TapeEntry, textOf } from '../../tape/tape.js';
import type { Statistics } from '../statistics.js';
import type { CaptureOptions } from './capture-options.js';

/** Counts what is no data, and warns of the first of every kind of trouble. */
export class FrameNotes {
  readonly statistics: Statistics;
  readonly #options: Pick<CaptureOptions, 'warn' | 'listener'>;

  constructor(statistics: Statistics, options: Pick<CaptureOptions, 'warn' | 'listener'>) {
    this.statistics = statistics;
    this.#options = options;
  }

  /** Takes note of a frame without data. */
  frame(connection: string, frame: Frame, content: string | FrameBytes): void {
    const statistics = this.statistics;
    this.#options.listener?.answered(connection, frame);
    if (frame.kind === 'silent') statistics.note(statistics.silent, frame.what);
    else if (frame.kind === 'unknown') this.trouble(statistics.unknown, 'unknown frame', frame.what, content);
    else if (frame.kind === 'rejected') this.trouble(statistics.rejected, 'frame', frame.reason, content);
    else if (frame.kind === 'refused' && !this.#options.listener)
      this.trouble(statistics.refused, 'subscription refused', `${frame.topic ?? ''} ${frame.reason}`);
  }

  /** Takes note of a line of a tape that could not be read. */
  broken({ reason, sentence }: Extract<TapeEntry, { kind: 'broken' }>): void {
    if (this.statistics.note(this.statistics.broken, reason)) this.#options.warn(`tape line: ${sentence}`);
  }

  trouble(tally: Map<string, number>, what: string, reason: string, content?: string | FrameBytes): void {
    if (this.statistics.note(tally, reason))
      this.#options.warn(`${what}: ${reason}${content === undefined ? '' : ` in ${excerpt(textOf(content))}`}`);
  }
}
