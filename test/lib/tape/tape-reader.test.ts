import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { TapeEntry } from '../../../src/lib/tape/tape.js';
import { mergeTapes } from '../../../src/lib/tape/tape-merge.js';
import { openTape } from '../../../src/lib/tape/tape-reader.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-tape-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = '{"tape":1,"exchange":"bybit"}';
const frame = (at: number, text = 'x', connection = 1) => JSON.stringify({ at, connection, frame: text });

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function entriesOf(path: string): Promise<TapeEntry[]> {
  const entries: TapeEntry[] = [];
  for await (const batch of (await openTape(path)).batches) entries.push(...batch);
  return entries;
}

describe('tape reader', () => {
  it('reads every kind of line', async () => {
    const path = write(
      'kinds.ndjson',
      [
        HEADER,
        '{"at":1,"connection":7,"connect":"wss://h/v5/public/linear"}',
        '{"at":2,"connection":7,"sent":"ping"}',
        frame(3, '{"a":"ü\\n"}', 7),
        '{"at":4,"connection":7,"close":1006}',
        '{"at":5,"http":"https://h/p?a=b","body":"{}"}',
        '{"at":6,"http":"https://h/p","status":429,"body":""}',
        '',
      ].join('\n'),
    );
    expect(await entriesOf(path)).toEqual([
      { kind: 'connect', at: 1, connection: '7', url: 'wss://h/v5/public/linear' },
      { kind: 'sent', at: 2, connection: '7', text: 'ping' },
      { kind: 'frame', at: 3, connection: '7', content: '{"a":"ü\\n"}' },
      { kind: 'close', at: 4, connection: '7', code: 1006 },
      { kind: 'http', at: 5, url: 'https://h/p?a=b', status: 200, body: '{}' },
      { kind: 'http', at: 6, url: 'https://h/p', status: 429, body: '' },
    ]);
  });

  it('counts broken lines with their number and goes on', async () => {
    const broken = [
      'nonsense',
      '[]',
      '{"at":"1","connection":1,"frame":"x"}',
      '{"at":1}',
      '{"at":1,"connection":1,"frame":5}',
      '{"at":-1,"http":"u","body":"b"}',
    ];
    const entries = await entriesOf(write('broken.ndjson', [HEADER, ...broken, frame(9)].join('\n')));
    expect(entries.map((entry) => (entry.kind === 'broken' ? entry.line : entry.kind))).toEqual([2, 3, 4, 5, 6, 7, 'frame']);
    expect(entries[0]).toMatchObject({
      reason: 'expected a JSON object',
      sentence: expect.stringContaining('broken.ndjson line 2: expected a JSON object, was nonsense'),
    });
  });

  it('recognises gzip by its bytes and keeps what lies before a cut', async () => {
    const lines = [HEADER, ...Array.from({ length: 5000 }, (_, i) => frame(i + 1, `frame ${i} ${Math.sin(i)}`))].join('\n');
    const zipped = gzipSync(lines);
    expect(await entriesOf(write('whole', zipped))).toHaveLength(5000);
    const cut = await entriesOf(write('cut', zipped.subarray(0, zipped.length / 2)));
    expect(cut.length).toBeGreaterThan(100);
    expect(cut.at(-1)).toMatchObject({ kind: 'broken', reason: expect.stringContaining('is incomplete') });
  });

  it('splits lines that are larger than what is read at once', async () => {
    const long = 'y'.repeat(1_000_000);
    const entries = await entriesOf(write('long.ndjson', [HEADER, frame(1, long), frame(2)].join('\n')));
    expect(entries).toHaveLength(2);
    expect((entries[0] as { content: Uint8Array }).content).toHaveLength(1_000_000);
  });

  it.each([
    ['/no/such.tape', undefined, '/no/such.tape: cannot be read (no such file)'],
    ['empty', '', 'expected a tape, the file is empty'],
    ['csv', 'a,b\n1,2\n', 'expected a tape, whose first line is {"tape":1,"exchange":…}, was a,b'],
    ['version', '{"tape":2,"exchange":"bybit"}\n', 'expected tape version 1, was 2'],
    ['nameless', '{"tape":1}\n', 'does not name its exchange'],
  ])('refuses %s', async (name, content, message) => {
    const path = content === undefined ? name : write(name, content);
    await expect(openTape(path)).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining(message) });
  });

  it('merges tapes by arrival, the earlier tape first, and keeps their connections apart', async () => {
    const a = await openTape(write('a', [HEADER, frame(1), frame(3), frame(3), frame(9)].join('\n')), { scope: '0/' });
    const b = await openTape(write('b', [HEADER, frame(2), 'broken', frame(3), frame(10)].join('\n')), { scope: '1/' });
    const merged: string[] = [];
    for await (const batch of mergeTapes([a, b])) {
      for (const { entry } of batch) merged.push(entry.kind === 'frame' ? `${entry.connection}@${entry.at}` : entry.kind);
    }
    expect(merged).toEqual(['0/1@1', '1/1@2', 'broken', '0/1@3', '0/1@3', '1/1@3', '0/1@9', '1/1@10']);
  });
});

describe('tapes that end before others', () => {
  const connect = (at: number) => JSON.stringify({ at, connection: 1, connect: 'wss://stream.bybit.com/v5/public/spot' });
  const merged = async (headers: readonly [string, string]) => {
    const first = write('ended-1.ndjson', [headers[0], connect(1), frame(2)].join('\n'));
    const second = write('ended-2.ndjson', [headers[1], connect(3), frame(4)].join('\n'));
    const tapes = [await openTape(first, { scope: '0/' }), await openTape(second, { scope: '1/' })];
    const lines: string[] = [];
    for await (const batch of mergeTapes(tapes))
      for (const { entry } of batch)
        if (entry.kind !== 'broken' && 'connection' in entry) lines.push(`${entry.at} ${entry.kind} ${entry.connection}`);
    return lines;
  };

  it('have their connections closed, the last tape has not', async () => {
    const expected = ['1 connect 0/1', '2 frame 0/1', '2 close 0/1', '3 connect 1/1', '4 frame 1/1'];
    expect(await merged([HEADER, HEADER])).toEqual(expected);
  });

  it('keep them beside a tape of another exchange', async () => {
    const lines = await merged([HEADER, '{"tape":1,"exchange":"bitget"}']);
    expect(lines.filter((line) => line.includes('close'))).toEqual([]);
  });

  it('keep them where they are parts of one recording', async () => {
    const part = '{"tape":1,"exchange":"bybit","recording":"r"}';
    expect(await merged([part, part])).toEqual(['1 connect r/1', '2 frame r/1', '3 connect r/1', '4 frame r/1']);
  });
});
