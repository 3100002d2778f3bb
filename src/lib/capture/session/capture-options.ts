import type { Frame } from '../../exchanges/exchange.js';
import type { WireEvent } from '../../tape/tape.js';
import type { RepairLimits } from '../repair/repair-job.js';
import type { Selection } from '../selection.js';

/** What a capture gives, and to whom it tells what. */
export type CaptureOptions = {
  readonly selection: Selection;
  /** Levels of `book_snapshot`. */
  readonly depth: number;
  /** Least time between two snapshots of a symbol, microseconds. */
  readonly bookInterval: number;
  /** Told the first of every kind of trouble. */
  readonly warn: (message: string) => void;
  /** Shown every data frame, wanted or not. */
  readonly onData?: ((frame: DataFrame) => void) | undefined;
  /** Holes in trades are kept open until they are repaired or given up; a replay repairs nothing. */
  readonly repair?: RepairLimits | undefined;
};

export type DataFrame = Extract<Frame, { kind: 'data' }>;

/** The event that a frame was read from. */
export type FrameEvent = Extract<WireEvent, { kind: 'frame' }>;

/** Receives what the frames of a live connection (`exchange connection`) hold. A replay has none. */
export type CaptureListener = {
  /** Receives a frame without data: a confirmation, a refusal or a pong. */
  answered(connection: string, frame: Frame): void;
  delivered(connection: string, frame: DataFrame, event: FrameEvent): void;
};

/** What frames of a connection say that no exchange reads: private feeds, options. */
export const FOREIGN: Frame = { kind: 'unknown', what: 'a connection that is no public feed' };

/** Whose data it is stands in the URL of the connection: without it, what a frame says is lost. */
export const UNOPENED: Frame = { kind: 'rejected', reason: 'a connection that was not opened before it' };
