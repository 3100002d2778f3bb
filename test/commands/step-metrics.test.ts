import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { tradeRecord } from '../support/records.js';

const directory = mkdtempSync(join(tmpdir(), 'metrics-'));
afterAll(() => rmSync(directory, { recursive: true }));

const TRADES = ['a-1', 'a-2'].map((id) => `${encodeRecord(tradeRecord({ id }))}\n`).join('');
const target = join(directory, '{step}.prom');
const candles = (args: readonly string[], env: Record<string, string> = {}) =>
  mdtoolHere(['candles', ...args, '--interval', '1h', '--quiet'], { env, input: TRADES });
const value = (text: string, name: string) => Number(new RegExp(`^${name}\\{step="candles"\\} (\\S+)$`, 'm').exec(text)?.[1]);

describe('--metrics-file', () => {
  it('has the figures of a run; a failed one keeps the time of the last success', async () => {
    const before = Date.now() / 1000;
    expect((await candles(['-', '--metrics-file', target])).code).toBe(0);
    const good = readFileSync(join(directory, 'candles.prom'), 'utf8');
    const success = value(good, 'mdtool_step_last_success_timestamp_seconds');
    expect(success).toBeGreaterThanOrEqual(before);
    expect(value(good, 'mdtool_step_exit_code')).toBe(0);
    expect(good).toMatch(/^mdtool_step_records\{step="candles",type="candle"\} [1-9]/m);

    expect((await candles(['missing.csv'], { MDTOOL_METRICS_FILE: target })).code).toBe(1);
    const bad = readFileSync(join(directory, 'candles.prom'), 'utf8');
    expect(value(bad, 'mdtool_step_exit_code')).toBe(1);
    expect(value(bad, 'mdtool_step_last_success_timestamp_seconds')).toBe(success);
    expect(value(bad, 'mdtool_step_last_run_timestamp_seconds')).toBeGreaterThan(success);
    expect(readdirSync(directory)).toEqual(['candles.prom']);
  });

  it('reports a wrong command line, too', async () => {
    expect((await candles(['--symbols'], { MDTOOL_METRICS_FILE: join(directory, 'usage.prom') })).code).toBe(2);
    const text = readFileSync(join(directory, 'usage.prom'), 'utf8');
    expect(value(text, 'mdtool_step_exit_code')).toBe(2);
    expect(text).not.toContain('last_success');
  });

  it('posts to a push gateway, whose answer does not change the result', async () => {
    const bodies: string[] = [];
    const gateway = createServer(async (request, response) => {
      const chunks = await request.toArray();
      bodies.push(`${request.method} ${request.url}\n${Buffer.concat(chunks)}`);
      response.writeHead(bodies.length === 1 ? 200 : 500).end();
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/metrics/job/mdtool/step/{step}`;
    try {
      expect(await candles(['-', '--metrics-file', url])).toMatchObject({ code: 0, stderr: '' });
      expect(bodies[0]).toMatch(/^POST \/metrics\/job\/mdtool\/step\/candles\n/);
      expect(bodies[0]).toContain('mdtool_step_exit_code{step="candles"} 0\n');
      const refused = await candles(['-', '--metrics-file', url]);
      expect([refused.code, refused.stderr]).toEqual([0, expect.stringContaining('the gateway answered 500')]);
    } finally {
      gateway.close();
    }
  });

  it('warns of a target that cannot be written', async () => {
    const { code, stderr } = await candles(['-', '--metrics-file', join(directory, 'none', 'x.prom')]);
    expect(code).toBe(0);
    expect(stderr).toContain(`cannot write metrics to ${join(directory, 'none', 'x.prom')}: no such file or directory`);
  });
});
