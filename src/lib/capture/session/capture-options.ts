import type { Frame } from '../../exchanges/exchange.js';
import type { WireEvent } from '../../tape/tape.js';
import type { RepairLimits } from '../repair/repair-job.js';
import type { Selection } from '../selection.js';

/** What a capture emits and reports. */
export type CaptureOptions = {
  readonly selection: Selection;
  /** Levels of `book_snapshot`. */
  readonly depth: number;
  /** Minimum time between two snapshots of a symbol, microseconds. */
  readonly bookInterval: number;
  /** Receives the first message of every kind of trouble. */
  readonly warn: (message: string) => void;
  /** Receives every data frame, wanted or not. */
  readonly onData?: ((frame: DataFrame) => void) | undefined;
  /** Limits for the repair of trade gaps; a replay repairs nothing. */
  readonly repair?: RepairLimits | undefined;
  /** Microseconds between two audits of a trade feed; absent for none. */
  readonly auditEvery?: number | undefined;
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

/** Result for frames of a connection that no exchange reads: private feeds, options. */
export const FOREIGN: Frame = { kind: 'unknown', what: 'a connection that is no public feed' };

/** Result for frames of a connection that was never opened: the URL decides how they are read. */
export const UNOPENED: Frame = { kind: 'rejected', reason: 'a connection that was not opened before it' };
