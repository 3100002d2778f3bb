import type { AnyRecord, EventRecord, Mode } from '../model/records.js';

export type Severity = EventRecord['severity'];

const RANKS: Readonly<Record<Severity, number>> = { routine: 0, warning: 1, alarm: 2 };

/** One thing that a sink should report. */
export type Notice = {
  /** Who wrote it: the name of a run, the id of a writer, or the kind of record. */
  readonly source: string;
  /** Number within the source: a message that arrives twice is recognised by it. */
  readonly seq: number;
  /** Microseconds. */
  readonly time: number;
  readonly severity: Severity;
  readonly kind: string;
  readonly mode?: Mode | undefined;
  readonly exchange?: string | undefined;
  readonly symbol?: string | undefined;
  /** One line, without severity and source. */
  readonly text: string;
  /** What many of its kind are counted as. */
  readonly one: string;
  readonly many: string;
  /** Notices with the same cause are repeats, until the kind is cleared; undefined for what never repeats. */
  readonly cause?: string | undefined;
  /** The kind of alarm that is over. */
  readonly clears?: string | undefined;
  /** What it was made from; absent on notices of the watchdog. */
  readonly record?: AnyRecord | undefined;
};

/** Returns whether a severity is at least another one. */
export function isAtLeast(severity: Severity, minimum: Severity): boolean {
  return RANKS[severity] >= RANKS[minimum];
}

/** Returns `LIVE eth-long/58`: whose money it is, the source and the number. */
export function labelOf({ mode, source, seq }: Pick<Notice, 'mode' | 'source' | 'seq'>, until = seq): string {
  const numbers = until === seq ? `${seq}` : `${seq}–${until}`;
  return `${mode === undefined ? '' : `${mode.toUpperCase()} `}${source}/${numbers}`;
}

/** Identifies an alarm that lasts: it is open from its first notice to the one that clears it. */
export function openKey({ source, exchange, symbol }: Pick<Notice, 'source' | 'exchange' | 'symbol'>, kind: string): string {
  return JSON.stringify([source, exchange ?? '', symbol ?? '', kind]);
}
