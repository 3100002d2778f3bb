import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endpointsOf } from '../../../src/lib/cli/endpoints.js';
import { configuredFlags } from '../../../src/lib/cli/flag-settings.js';
import { outputFlags, universeFlags } from '../../../src/lib/cli/flags.js';
import { Settings } from '../../../src/lib/cli/settings.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';

const COMMANDS = [
  { id: 'symbols', flags: ['exchange', 'quote', 'kind', 'output', 'notation', 'force'] },
  { id: 'grid:plan', flags: ['levels', 'symbols'] },
];
const folder = mkdtempSync(join(tmpdir(), 'mdtool-settings-'));
const before = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

const own = (text: string) => writeFileSync(join(folder, 'mdtool.toml'), text);
const users = (text: string) => {
  mkdirSync(join(folder, 'xdg/mdtool'), { recursive: true });
  writeFileSync(join(folder, 'xdg/mdtool/mdtool.toml'), text);
};
const load = (environment: Record<string, string> = {}) =>
  new Settings({ commands: COMMANDS, environment: { XDG_CONFIG_HOME: join(folder, 'xdg'), ...environment } });

beforeEach(() => {
  own('');
  users('');
});

describe('settings', () => {
  it('go environment, ./mdtool.toml, user file; a command table before the top level of its file', () => {
    users('quote = "EUR"\nkind = "spot"\nstore = "/user"\n[symbols]\nnotation = "ccxt"');
    own('quote = "USDC"\n[symbols]\nquote = "BTC"\n[grid.plan]\nlevels = 3');
    const settings = load({ MDTOOL_KIND: 'future', MDTOOL_STORE: '' });
    expect(settings.flag('symbols', 'quote')).toEqual({ value: 'BTC', source: 'mdtool.toml: [symbols] quote' });
    expect(settings.flag('grid:plan', 'quote')).toEqual({ value: 'USDC', source: 'mdtool.toml: quote' });
    expect(settings.flag('symbols', 'kind')).toEqual({ value: 'future', source: 'MDTOOL_KIND' });
    expect(settings.flag('symbols', 'store')?.value).toBe('/user');
    expect(settings.flag('symbols', 'notation')?.value).toBe('ccxt');
    expect(settings.flag('grid:plan', 'levels')?.value).toBe(3);
    expect(settings.flag('symbols', 'levels')).toBeUndefined();
  });

  it.each([
    ['qoute = "USDT"', /mdtool\.toml: unknown key qoute; did you mean quote\?/],
    ['levels = 3', /unknown key levels; it belongs in \[grid\.plan\]/],
    ['[symbols]\nlevel = 3', /unknown key \[symbols\] level/],
    ['[symbls]\nquote = "USDT"', /unknown table \[symbls\]; did you mean symbols\?/],
    ['[grid]\nlevels = 3', /unknown key \[grid\] levels; it belongs in \[grid\.plan\]/],
    ['force = true', /unknown key force/],
    ['[endpoints]\nbitget_url = "ws://x"', /unknown key \[endpoints\] bitget_url; did you mean bitget_ws_url/],
    ['log-level = "warn"\nlog_level = "info"', /log_level appears twice/],
    ['quote = ', /mdtool\.toml, line 1, column 9: not valid TOML/],
  ])('refuse %s', (text, message) => {
    own(text);
    expect(() => load()).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }));
  });

  it('tell what is meant for the command line alone, and take no common prefix for a likeness', () => {
    expect(() => load({ MDTOOL_FORCE: '1' })).toThrow('unknown variable MDTOOL_FORCE; only the command line can set it');
    expect(() => load({ MDTOOL_QUOT: '1' })).toThrow('unknown variable MDTOOL_QUOT; did you mean MDTOOL_QUOTE?');
    expect(() => load({ MDTOOL_ABC: '1' })).toThrow(/unknown variable MDTOOL_ABC$/);
    own('json = true');
    expect(() => load()).toThrow('unknown key json; only the command line can set it');
  });

  it('refuse unknown variables with our prefix, and no others', () => {
    expect(() => load({ MDTOOL_STROE: '/x' })).toThrow(/unknown variable MDTOOL_STROE; did you mean MDTOOL_STORE\?/);
    expect(() => load({ OTHER: '1' })).not.toThrow();
  });

  it('read a named file alone, and fail with 1 when it is missing', () => {
    own('quote = "USDC"');
    writeFileSync(join(folder, 'other.toml'), 'kind = "spot"');
    const settings = load({ MDTOOL_CONFIG: 'other.toml' });
    expect(settings.flag('symbols', 'quote')).toBeUndefined();
    expect(settings.flag('symbols', 'kind')?.source).toBe('other.toml: kind');
    expect(() => load({ MDTOOL_CONFIG: 'none.toml' })).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringContaining('none.toml: no such file') }),
    );
  });
});

describe('flags with settings', () => {
  const flags = { ...outputFlags, quote: universeFlags.quote, kind: universeFlags.kind };
  const defaultsOf = async (environment: Record<string, string>) => {
    const configured = configuredFlags('symbols', flags, load(environment)) as unknown as Record<string, { default: unknown }>;
    const value = (name: string) => {
      const fallback = configured[name]?.default;
      return typeof fallback === 'function' ? fallback() : fallback;
    };
    return { quote: await value('quote'), output: await value('output'), kind: () => value('kind') };
  };

  it('take TOML lists, comma lists and single values', async () => {
    own('quote = ["USDT", "USDC"]\n[symbols]\noutput = ["-", "a.csv"]');
    expect(await defaultsOf({})).toMatchObject({ quote: ['USDT', 'USDC'], output: ['-', 'a.csv'] });
    expect(await defaultsOf({ MDTOOL_QUOTE: 'btc,eth', MDTOOL_OUTPUT: 'x.csv' })).toMatchObject({
      quote: ['BTC', 'ETH'],
      output: ['x.csv'],
    });
  });

  it('name where a wrong value stands', async () => {
    own('kind = "swap"');
    const { kind } = await defaultsOf({});
    await expect(kind()).rejects.toThrow(/^mdtool\.toml: kind: expected one of spot, perpetual, future, was "swap"/);
  });
});

describe('endpoints', () => {
  const bybit = exchangeOf('bybit');

  it('are the own ones unless a variable or the file says otherwise', () => {
    own('[endpoints]\nbybit_ws_url = "ws://127.0.0.1:9001/"');
    expect(endpointsOf(bybit, load({ MDTOOL_BYBIT_REST_URL: 'http://localhost:8080' }), 'linear')).toEqual({
      rest: 'http://localhost:8080',
      websocket: 'ws://127.0.0.1:9001',
    });
    expect(endpointsOf(exchangeOf('bitget'), load(), 'spot').rest).toBe('https://api.bitget.com');
  });

  it.each(['localhost:80', 'ws://x', 'http://x/v5', 'http://x?a=1', 'http://user:secret@x', 'http://'])('refuse %s', (url) => {
    expect(() => endpointsOf(bybit, load({ MDTOOL_BYBIT_REST_URL: url }), 'linear')).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('MDTOOL_BYBIT_REST_URL: expected an origin') }),
    );
  });
});
