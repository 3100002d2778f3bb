import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES, exchangeOf } from '../exchanges/index.js';
import { FailureError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import type { Capture } from './capture.js';
import { type Pacing, pace } from './pace.js';
import { mergeTapes } from './tape-merge.js';
import { openTape, type Tape } from './tape-reader.js';

/** Records worked on at once before they are handed on. */
const BATCH = 1024;

/**
 * Opens tapes (`-` is stdin) and checks that they are of the wanted exchanges (empty: any that is known). Throws a
 * `FailureError` naming a tape of another exchange.
 */
export async function openTapes(paths: readonly string[], wanted: readonly Exchange[]): Promise<Tape[]> {
  const tapes: Tape[] = [];
  for (const [index, path] of paths.entries()) {
    const tape = await openTape(path, paths.length > 1 ? `${index}/` : '');
    const known = wanted.length > 0 ? wanted : EXCHANGES;
    if (!known.some(({ id }) => id === tape.header.exchange)) {
      const ids = known.map(({ id }) => id).join(' or ');
      throw new FailureError(`${path}: expected a tape of ${ids}, is one of ${tape.header.exchange}`);
    }
    tapes.push(tape);
  }
  return tapes;
}

/** Feeds tapes through a capture and gives its records in batches, in the tape's time; ends early when stopped. */
export async function* replay(tapes: readonly Tape[], capture: Capture, pacing: Pacing): AsyncGenerator<readonly AnyRecord[]> {
  const entries = pacing.speed === undefined ? mergeTapes(tapes) : pace(mergeTapes(tapes), pacing);
  for await (const batch of entries) {
    const records: AnyRecord[] = [];
    for (const item of batch) {
      if ('time' in item) records.push(...capture.advance(item.time));
      else records.push(...capture.apply(exchangeOf(item.exchange), item.entry));
      if (records.length >= BATCH) yield records.splice(0);
    }
    if (records.length > 0) yield records;
    if (pacing.signal.aborted) break;
  }
  const rest = capture.finish();
  if (rest.length > 0) yield rest;
}
