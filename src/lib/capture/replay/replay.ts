import type { Exchange } from '../../exchanges/exchange.js';
import { EXCHANGES, exchangeOf } from '../../exchanges/index.js';
import { FailureError } from '../../model/errors.js';
import type { AnyRecord } from '../../model/records.js';
import type { Tape } from '../../tape/tape.js';
import { mergeTapes } from '../../tape/tape-merge.js';
import { openTape } from '../../tape/tape-reader.js';
import { Selection, type SelectionOptions } from '../selection.js';
import { Capture, type CaptureOptions } from '../session/capture.js';
import type { Statistics } from '../statistics.js';
import { type Pacing, pace } from './pace.js';
import { refuseForeign, refuseMissingChannel, TapeContents } from './tape-contents.js';

/** Number of records per batch. */
const BATCH = 1024;

/**
 * Opens tapes (`-` is stdin) and checks that they are of the wanted exchanges (empty: any known one). Throws a
 * `FailureError` that names a tape of another exchange.
 */
async function openTapes(paths: readonly string[], wanted: readonly Exchange[], stopped: AbortSignal): Promise<Tape[]> {
  const tapes: Tape[] = [];
  for (const [index, path] of paths.entries()) {
    const tape = await openTape(path, { scope: paths.length > 1 ? `${index}/` : '', stopped });
    const known = wanted.length > 0 ? wanted : EXCHANGES;
    if (!known.some(({ id }) => id === tape.header.exchange)) {
      const ids = known.map(({ id }) => id).join(' or ');
      throw new FailureError(
        `${path === '-' ? 'stdin' : path}: expected a tape of ${ids}, found a tape of ${tape.header.exchange}`,
      );
    }
    tapes.push(tape);
  }
  return tapes;
}

/** The tapes to replay, and the selection of their records. */
export type ReplayOptions = Omit<SelectionOptions, 'exchanges'> &
  Omit<CaptureOptions, 'selection' | 'onData'> & {
    readonly paths: readonly string[];
    /** Empty for those of the tapes. */
    readonly exchanges: readonly Exchange[];
    readonly pacing: Pacing;
  };

export type Replay = { readonly records: AsyncIterable<readonly AnyRecord[]>; readonly statistics: Statistics };

/**
 * Opens tapes and returns their records as a live `stream` would have emitted them; `statistics` is final when the records
 * have ended. Throws a `FailureError` for a tape that cannot be read or is of another exchange; reading the records throws
 * a `UsageError` for a channel that the tape's protocol does not have.
 */
export async function openReplay(options: ReplayOptions): Promise<Replay> {
  const tapes = await openTapes(options.paths, options.exchanges, options.pacing.signal as AbortSignal);
  const ids = new Set(tapes.map(({ header }) => header.exchange));
  const exchanges = options.exchanges.length > 0 ? options.exchanges : [...ids].map(exchangeOf);
  const contents = new TapeContents();
  const selection = { ...options, exchanges };
  const capture = new Capture({
    ...options,
    selection: new Selection(selection),
    onData: ({ events }) => contents.observe(events),
  });
  const records = replay(tapes, capture, options);
  return { records: withWarnings(records, () => contents.missing(selection), options), statistics: capture.statistics };
}

/** Warns at the end about everything requested that the tapes lack; a replay that was stopped early cannot know. */
async function* withWarnings(
  source: AsyncIterable<readonly AnyRecord[]>,
  missing: () => readonly string[],
  { warn, pacing }: Pick<ReplayOptions, 'warn' | 'pacing'>,
): AsyncGenerator<readonly AnyRecord[]> {
  yield* source;
  if (!pacing.signal.aborted) for (const message of missing()) warn(message);
}

/** Feeds tapes through a capture and yields its records in batches, in the tape's time; ends early when stopped. */
async function* replay(
  tapes: readonly Tape[],
  capture: Capture,
  { pacing, channels }: ReplayOptions,
): AsyncGenerator<readonly AnyRecord[]> {
  const entries = pacing.speed === undefined ? mergeTapes(tapes) : pace(mergeTapes(tapes), pacing);
  for await (const batch of entries) {
    const records: AnyRecord[] = [];
    for (const item of batch) {
      if ('time' in item) records.push(...capture.advance(item.time));
      else {
        const exchange = exchangeOf(item.exchange);
        if (item.entry.kind === 'connect') {
          refuseForeign(exchange, item.entry.url);
          refuseMissingChannel(exchange, item.entry.url, channels);
        }
        records.push(...capture.apply(exchange, item.entry));
      }
      if (records.length >= BATCH) yield records.splice(0);
    }
    if (records.length > 0) yield records;
    if (pacing.signal.aborted) break;
  }
  const rest = capture.finish();
  if (rest.length > 0) yield rest;
}
