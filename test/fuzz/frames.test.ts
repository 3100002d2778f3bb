import { describe, expect, it } from 'vitest';
import { Selection } from '../../src/lib/capture/selection.js';
import { Capture } from '../../src/lib/capture/session/capture.js';
import { CHANNELS, type Exchange, NO_INSTRUMENTS } from '../../src/lib/exchanges/exchange.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import { decodeRecord, encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { isTime } from '../../src/lib/model/time.js';
import { type RecordedFrame, singleFrames, tapeFrames } from '../support/frames.js';
import { mutate } from '../support/mutate.js';
import { pick, seeded } from '../support/random.js';

const CASES = Number(process.env.MDTOOL_FUZZ_CASES ?? 3_000);
const KINDS = new Set(['data', 'acknowledged', 'refused', 'pong', 'silent', 'unknown', 'rejected']);
const TAPES: Record<string, string> = { bitget: 'bitget-v2.tape.ndjson.gz', bybit: 'bybit-v5.tape.ndjson.gz' };

/** One frame of each kind rather than thousands of deltas: by the words that the text is made of. */
function examples(exchange: Exchange): RecordedFrame[] {
  const tape = TAPES[exchange.id];
  const frames = [...singleFrames(exchange.id), ...(tape ? tapeFrames(tape).filter(({ text }) => text.length < 5_000) : [])];
  const byShape = new Map<string, RecordedFrame>();
  for (const frame of frames)
    byShape.set(`${frame.url} ${frame.text.replace(/"-?\d[^"]*"|\d+|[A-Z]{3,}/g, '').slice(0, 120)}`, frame);
  return [...byShape.values()];
}

function captureAll(exchange: Exchange): Capture {
  return new Capture({
    selection: new Selection({ exchanges: [exchange], channels: CHANNELS }),
    depth: 15,
    bookInterval: 0,
    warn: () => {},
  });
}

/** Fails when a record is not exactly what its line says, or lies in no century of ours. */
function check(record: AnyRecord): void {
  const line = encodeRecord(record);
  expect(encodeRecord(decodeRecord(line))).toBe(line);
  expect(line).not.toMatch(/:(?:NaN|-?Infinity|null|"")[,}]/);
  expect(isTime(record.timestamp)).toBe(true);
  if (record.type === 'trade') expect(record.price > 0 && record.amount > 0).toBe(true);
}

describe.each(EXCHANGES.map((exchange) => [exchange.id, exchange] as const))('damaged frames of %s', (_, exchange) => {
  it(`end as records or as a counted rejection (${CASES} cases)`, () => {
    const random = seeded(20_261_121);
    const frames = examples(exchange);
    expect(frames.length).toBeGreaterThan(15);
    const capture = captureAll(exchange);
    const kinds = new Map<string, number>();
    let at = 1_786_310_820_000_000;
    for (let i = 0; i < CASES; i += 1) {
      const { url, text: recorded } = pick(random, frames);
      const text = mutate(recorded, random);
      const reader = exchange.createReader(url, NO_INSTRUMENTS);
      const frame = reader?.read(text, at);
      expect(KINDS, text).toContain(frame?.kind);
      kinds.set(frame?.kind ?? '', (kinds.get(frame?.kind ?? '') ?? 0) + 1);
      at += 1_000;
      capture.apply(exchange, { kind: 'connect', at, connection: url, url });
      for (const record of capture.apply(exchange, { kind: 'frame', at, connection: url, content: text })) check(record);
    }
    for (const record of capture.finish()) check(record);
    // All of them would hold if nothing were read at all.
    expect(kinds.get('data')).toBeGreaterThan(CASES / 20);
    expect(kinds.get('rejected')).toBeGreaterThan(CASES / 20);
    expect(capture.statistics.records.size).toBeGreaterThan(6);
  });
});
