import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { finished, start } from '../support/mdtool.js';
import { tradeRecord } from '../support/records.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-interrupted-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends a step that nothing else stops, and leaves neither half a file nor what was spilled',
  async (signal, code) => {
    const [work, temporary] = [mkdtempSync(join(folder, 'work-')), mkdtempSync(join(folder, 'tmp-'))];
    const trades = Array.from({ length: 400_000 }, (_, id) => encodeRecord(tradeRecord({ id: String(id) })));
    writeFileSync(join(work, 'trades.ndjson'), trades.join('\n'));
    const child = start(['import', 'trades.ndjson', '-o', 'out.ndjson'], { cwd: work, env: { TMPDIR: temporary } });
    const end = finished(child);
    await vi.waitUntil(() => readdirSync(work).some((name) => name.startsWith('out.')), { timeout: 45_000, interval: 10 });
    child.kill(signal);
    expect((await end).code).toBe(code);
    expect([readdirSync(work), readdirSync(temporary)]).toEqual([['trades.ndjson'], []]);
  },
);
