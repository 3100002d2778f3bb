import { describe, expect, it } from 'vitest';
import { Selection } from '../../../src/lib/capture/selection.js';
import { Capture } from '../../../src/lib/capture/session/capture.js';
import { CHANNELS } from '../../../src/lib/exchanges/exchange.js';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import { parseTapeLine, type TapeEntry, textOf, type WireEvent } from '../../../src/lib/tape/tape.js';
import { TapeFrames } from '../../../src/lib/tape/tape-frames.js';
import { tapeLines } from '../../support/frames.js';
import { mutate } from '../../support/mutate.js';
import { pick, seeded } from '../../support/random.js';

const SCOPE = '0/';

/** Returns what the line says when it is read from bytes, undefined where it is left to the text. */
function fromBytes(line: string): WireEvent | undefined {
  const bytes = Buffer.from(`before\n${line}\nafter`);
  const start = bytes.indexOf('\n') + 1;
  return new TapeFrames(bytes, SCOPE).read(start, bytes.lastIndexOf('\n'));
}

function withText(entry: TapeEntry | undefined): unknown {
  return entry?.kind === 'frame' ? { ...entry, content: textOf(entry.content) } : entry;
}

describe('frames of a tape from bytes', () => {
  it.each([
    ['a frame', '{"at":1786310819565688,"connection":3,"frame":"{\\"a\\":[1]}"}'],
    ['escaped slashes and backslashes', '{"at":0,"connection":12,"frame":"a\\\\b\\/c\\"d\\\\"}'],
    ['an empty frame', '{"at":1,"connection":1,"frame":""}'],
  ])('%s', (_, line) => {
    expect(withText(fromBytes(line))).toEqual(withText(parseTapeLine(line, 1, SCOPE)));
    expect(fromBytes(line)?.kind).toBe('frame');
  });

  it.each([
    ['another escape', '{"at":1,"connection":1,"frame":"a\\nb"}'],
    ['a code', '{"at":1,"connection":1,"frame":"\\u0041"}'],
    ['text beyond ASCII', '{"at":1,"connection":1,"frame":"é"}'],
    ['a control character', '{"at":1,"connection":1,"frame":"a\tb"}'],
    ['white space', '{"at": 1,"connection":1,"frame":"x"}'],
    ['a carriage return', '{"at":1,"connection":1,"frame":"x"}\r'],
    ['another order', '{"connection":1,"at":1,"frame":"x"}'],
    ['a further field', '{"at":1,"connection":1,"frame":"x","more":1}'],
    ['a name that comes twice', '{"at":1,"connection":1,"frame":"x","frame":"y"}'],
    ['a connection with a name', '{"at":1,"connection":"one","frame":"x"}'],
    ['a time with a fraction', '{"at":1.5,"connection":1,"frame":"x"}'],
    ['a leading zero', '{"at":01,"connection":1,"frame":"x"}'],
    ['a time beyond what is exact', '{"at":9007199254740993,"connection":1,"frame":"x"}'],
    ['no time', '{"at":,"connection":1,"frame":"x"}'],
    ['an end too early', '{"at":1,"connection":1,"frame":"x"'],
    ['an end in the text', '{"at":1,"connection":1,"frame":"x'],
    ['an end in an escape', '{"at":1,"connection":1,"frame":"x\\'],
    ['another kind of line', '{"at":1,"connection":1,"sent":"x"}'],
    ['nothing', ''],
  ])('leaves %s to the text', (_, line) => expect(fromBytes(line)).toBeUndefined());

  it('says what the text says of damaged lines, where it says anything', () => {
    const random = seeded(20_261_123);
    const lines = tapeLines('bybit-v5.tape.ndjson.gz')
      .filter(({ frame }) => typeof frame === 'string' && frame.length < 1_000)
      .map((line) => JSON.stringify(line));
    let read = 0;
    for (let i = 0; i < 5_000; i += 1) {
      const line = mutate(pick(random, lines), random).replaceAll('\n', ' ');
      const entry = fromBytes(line);
      if (!entry) continue;
      read += 1;
      expect(withText(entry), line).toEqual(withText(parseTapeLine(line, 1, SCOPE)));
    }
    expect(read).toBeGreaterThan(100);
  });
});

describe.each([
  ['bitget', 'bitget-v2.tape.ndjson.gz'],
  ['bybit', 'bybit-v5.tape.ndjson.gz'],
])('the tape of %s', (id, tape) => {
  const exchange = EXCHANGES.find((candidate) => candidate.id === id) as (typeof EXCHANGES)[number];
  const events = tapeLines(tape)
    .slice(1)
    .map((line) => parseTapeLine(JSON.stringify(line), 1, ''));

  /** The lines of the records that the capture gives, every other symbol's books broken on the way by a lost frame. */
  function recorded(asBytes: boolean): string[] {
    const warnings: string[] = [];
    const capture = new Capture({
      selection: new Selection({ exchanges: [exchange], channels: CHANNELS }),
      depth: 15,
      bookInterval: 50_000,
      warn: (message) => warnings.push(message),
    });
    const records = events.flatMap((event, index) => {
      if (event.kind !== 'frame') return capture.apply(exchange, event);
      const text = index % 97 === 0 ? textOf(event.content).slice(0, -9) : textOf(event.content);
      return capture.apply(exchange, { ...event, content: asBytes ? (Buffer.from(text) as never) : text });
    });
    return [...records, ...capture.finish()].map(encodeRecord).concat(warnings, JSON.stringify([...capture.statistics.rejected]));
  }

  it('gives the same lines and warnings from bytes and from text', () => {
    const expected = recorded(false);
    expect(expected.length).toBeGreaterThan(1_000);
    expect(expected.some((line) => line.startsWith('{"type":"gap"'))).toBe(true);
    expect(recorded(true)).toEqual(expected);
  });
});
