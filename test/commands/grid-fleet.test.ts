import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRows } from '../../src/commands/grid/run/rows.js';
import { type AccountServer, startAccountServer } from '../support/exchange-server/accounts/server.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-fleet-'));
let server: AccountServer;
beforeAll(async () => {
  server = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(text: string): string {
  const path = join(folder, `runs-${text.length}.txt`);
  writeFileSync(path, text);
  return path;
}

describe('runs of a file', () => {
  it('are read alike from NDJSON and TOML', async () => {
    const ndjson =
      '{"name":"eth","exchange":"bybit","symbols":"ETHUSDT","deposit":500,"compound":true}\n\n{"name":"btc","compound":false}\n';
    const toml = '[eth]\nexchange = "bybit"\nsymbols = "ETHUSDT"\ndeposit = 500\ncompound = true\n[btc]\ncompound = false\n';
    const rows = await readRows(file(ndjson));
    expect(rows.map(({ name, argv }) => [name, ...argv])).toEqual([
      ['eth', '--exchange=bybit', '--symbols=ETHUSDT', '--deposit=500', '--compound'],
      ['btc'],
    ]);
    expect(await readRows(file(toml))).toEqual(rows);
  });

  it.each([
    ['', /no runs/],
    ['{"name":"a"}\n{"name":"a"}', /the run a stands there twice/],
    ['{"name":"a","live":true}', /line 1: live is not a flag of a run that a file may have/],
    ['{"name":"a","confirm":"ETHUSDT"}', /confirm is not a flag/],
    ['{"name":"A b"}', /expected a name of lower-case letters/],
    ['{"deposit":1}', /line 1: expected a name/],
    ['{"name":"a","levels":[1]}', /levels: expected a text or a number/],
    ['{"name":', /line 1: expected an object/],
    ['x = 1', /expected a table for each run/],
    ['[eth', /@.*: Invalid TOML/i],
  ])('%j is refused', async (text, expected) => {
    await expect(readRows(file(text))).rejects.toThrow(expected);
  });

  it('one process keeps them, a limit holds over all of them, and one that fails leaves the others alone', async () => {
    const owner = server.desk.open();
    for (const symbol of ['ETHUSDT', 'BTCUSDT']) server.market.setPrice(symbol, '100.00');
    const env = { ...server.environment, ...server.keyVariables(server.desk.createKey(owner)), XDG_CONFIG_HOME: folder };
    const at = ['--store', join(folder, 'store')];
    const row = (name: string, symbol: string) =>
      `[${name}]\nsymbols = "${symbol}"\nlevels = 4\ncoverage = "4%"\nleverage = 10\n`;
    const runs = `@${file(['eth', 'btc', 'xyz'].map((name) => row(name, `${name.toUpperCase()}USDT`)).join(''))}`;
    const common = [runs, '--demo', '-e', 'bybit', '--deposit', '1000', ...at];
    const both = await mdtoolHere(['grid', 'run', ...common, '--levels', '5'], { env });
    expect([both.code, both.stderr]).toEqual([2, expect.stringMatching(/--levels stands in the command line and in @/)]);
    const alone = await mdtoolHere(['grid', 'run', 'eth', '--max-total-loss', '5', ...at], { env });
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringMatching(/are for the runs of a file/)]);
    const child = start(['grid', 'run', ...common, '--max-total-deposit', '1500', '--max-total-loss', '5', '--metrics', '0'], {
      env,
    });
    const port = new Promise<string>((resolve) => {
      child.stderr?.on('data', (chunk) => {
        const [, found] = /metrics on port (\d+)/.exec(String(chunk)) ?? [];
        if (found) resolve(found);
      });
    });
    const ended = finished(child);
    const open = () => server.desk.engine.orders.openOf(owner).map(({ symbol }) => symbol.listing.symbol);
    await expect.poll(() => new Set(open()).size, { timeout: 30_000 }).toBe(2);
    const connections = () => server.desk.hub.clients.filter(({ key }) => key?.account === owner).length;
    await expect.poll(connections, { timeout: 10_000 }).toBe(1);
    const events = async () => {
      const sql = "select kind, message from event where kind = 'limit'";
      return (await mdtoolHere(['query', sql, '--format', 'ndjson', ...at], { env })).stdout;
    };
    await expect.poll(events, { timeout: 20_000 }).toMatch(/the margin of all runs together would be .* the limit is 1500/);
    const bound = server.desk.engine
      .orderMargin(owner, 'USDT')
      .plus(
        server.desk.engine.ledger
          .openOf(owner)
          .reduce((sum, { margin }) => sum.plus(margin), server.desk.engine.orderMargin(owner, 'BTC')),
      );
    expect(bound.toNumber()).toBeGreaterThan(1_000);
    expect(bound.toNumber()).toBeLessThanOrEqual(1_501);
    const status = await mdtoolHere(['grid', 'status', '--json', ...at], { env });
    expect(JSON.parse(status.stdout).data.map(({ run, running }: Record<string, unknown>) => [run, running])).toEqual([
      ['btc', true],
      ['eth', true],
    ]);
    const served = await (await fetch(`http://127.0.0.1:${await port}/metrics`)).text();
    const figure = (name: string, run: string) =>
      Number(new RegExp(`^mdtool_run_${name}\\{run="${run}",[^}]*\\} (.*)$`, 'm').exec(served)?.[1]);
    expect(figure('fills', 'eth')).toBe(1);
    expect(figure('active_orders', 'eth') + figure('active_orders', 'btc')).toBe(open().length);
    expect(figure('halted', 'btc')).toBe(0);
    expect(served).not.toMatch(/mdtool_run_sharpe_per_cycle\{/);
    expect(connections()).toBe(1);
    // Both lose: what neither has lost alone, both have lost together.
    for (const symbol of ['ETHUSDT', 'BTCUSDT']) server.market.setPrice(symbol, '99.00');
    const result = await ended;
    expect(result.stderr).toMatch(/xyz: unknown symbol XYZUSDT/);
    expect(result.stderr).toMatch(/eth: halted: all runs together have lost/);
    expect(result.stderr).toMatch(/btc: halted: all runs together have lost/);
    // The run that was never opened weighs more than the two that did what they were asked to.
    expect(result.code).toBe(1);
    expect(server.desk.violations).toEqual([]);
  }, 90_000);
});
