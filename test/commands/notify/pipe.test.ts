import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChatServer } from '../../support/chat-server.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

const CANARY = '1234:canary-of-the-bot';
let server: ChatServer;
let folder: string;
beforeEach(async () => {
  server = await ChatServer.open();
  folder = mkdtempSync(join(tmpdir(), 'notify-'));
  writeFileSync(join(folder, 'bot'), `${CANARY}\n`);
  chmodSync(join(folder, 'bot'), 0o600);
  configure();
});
afterEach(() => server.close());

function configure(more = '', sink = ''): void {
  writeFileSync(
    join(folder, 'mdtool.toml'),
    `[notify]\n${more}\n[notify.sinks.phone]\nkind = "telegram"\nchat = "42"\nurl = "${server.url}"\nsecret_file = "bot"\n${sink}\n`,
  );
}
const run = (args: string[], records: readonly object[] = [], env = {}) =>
  mdtoolHere(['notify', ...args], { cwd: folder, env, input: records.map((record) => `${JSON.stringify(record)}\n`).join('') });

function configured(more: string, sink = '', mode = 0o600) {
  configure(more, sink);
  chmodSync(join(folder, 'bot'), mode);
  return run(['-']);
}

const AT = 1_790_000_000_000_000;
const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: AT };
const gap = (symbol: string, more = {}) => ({
  ...{ type: 'gap', ...identity, symbol, channel: 'trade', from_timestamp: AT - 4_200_000, until_timestamp: AT },
  ...{ reason: 'disconnect', repaired: 0, missing: true, ...more },
});
const event = (seq: number, severity: string, kind: string, message: string, more = {}) => ({
  ...{ type: 'event', timestamp: AT, run: 'eth-long', mode: 'live', seq, severity, kind, message, symbol: 'ETHUSDT', ...more },
});

describe('mdtool notify -', () => {
  it('sends alarms alone and first, the rest as one message with right counts, and passes records on', async () => {
    const records = [
      ...Array.from({ length: 40 }, (_, index) => gap(`S${index}USDT`)),
      gap('OKUSDT', { missing: false, repaired: 3 }),
      event(58, 'alarm', 'drawdown', 'the drawdown is 20.4 % of the deposit'),
      { type: 'clock', exchange: 'bybit', market: 'linear', timestamp: AT },
    ];
    const { code, stdout, stderr } = await run(['-', '-o', '-'], records);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('2 sent') });
    expect(stdout.trim().split('\n')).toHaveLength(records.length);
    expect(server.texts).toEqual([
      expect.stringMatching(/^ALARM {2}LIVE eth-long\/58 {2}ETHUSDT {2}drawdown: the drawdown is 20.4 % of the deposit {2}\(at /),
      expect.stringMatching(/^WARNING {2}gap\/0–39 {2}40 gaps$|^40 events\nWARNING {2}gap\/0–39 {2}40 gaps$/),
    ]);
  });

  it('keeps to the minimum of a sink and of a symbol, and sends the end of an alarm that was sent', async () => {
    configure('[notify.symbols.BTCUSDT]\nminimum = "warning"', 'minimum = "alarm"');
    await run(
      ['-'],
      [
        gap('ETHUSDT'),
        gap('BTCUSDT'),
        event(1, 'alarm', 'short', 'the margin does not suffice'),
        event(2, 'routine', 'cleared', 'short cleared after 60 s', { data: { kind: 'short' } }),
        event(3, 'routine', 'cycle', 'cycle 2 is planned'),
      ],
    );
    const all = server.texts.join('\n');
    expect(all).toContain('BTCUSDT  trade');
    expect(all).toContain('CLEARED  LIVE eth-long/2');
    expect(all).not.toMatch(/ETHUSDT {2}trade|cycle 2/);
  });

  it('limits a sink to the runs, symbols and kinds that it lists', async () => {
    const sink = (name: string, more: string) =>
      `[notify.sinks.${name}]\nkind = "webhook"\nurl = "${server.url}/${name}"\n${more}\n`;
    const sinks = [
      sink('runs', 'runs = ["eth-long"]'),
      sink('symbols', 'symbols = ["BTCUSDT"]'),
      sink('kinds', 'kinds = ["short", "gap"]'),
    ];
    configure('', sinks.join(''));
    await run(
      ['-'],
      [
        event(1, 'alarm', 'short', 'of eth'),
        event(2, 'alarm', 'ban', 'of eth'),
        event(7, 'alarm', 'short', 'of btc', { run: 'btc-long', symbol: 'BTCUSDT' }),
        gap('BTCUSDT'),
        event(8, 'routine', 'cleared', 'short cleared', { run: 'btc-long', symbol: 'BTCUSDT', data: { kind: 'short' } }),
        event(9, 'routine', 'cleared', 'ban cleared', { data: { kind: 'ban' } }),
      ],
    );
    const sentTo = (name: string) =>
      server.seen
        .filter(({ path }) => path === `/${name}`)
        .flatMap(({ body }) => (JSON.parse(body) as { records: { type: string; seq?: number }[] }).records)
        .map(({ type, seq }) => seq ?? type);
    expect(sentTo('runs')).toEqual([1, 2, 9]);
    expect(sentTo('symbols')).toEqual([7, 'gap', 8]);
    expect(sentTo('kinds')).toEqual([1, 7, 'gap', 8]);
  });

  it('keeps what is routine until the quiet hours are over, by the zone of --tz; an alarm does not wait', async () => {
    const hour = new Date().getUTCHours();
    const at = (hours: number) => `${String((hour + 24 + hours) % 24).padStart(2, '0')}:00`;
    // 05:45 ahead of UTC: these hours are quiet there and not here.
    configure(`quiet_hours = "${at(4)}-${at(8)}"`);
    const records = [gap('ETHUSDT'), event(1, 'alarm', 'ban', 'silent')];
    const there = await run(['-', '--tz', 'Asia/Kathmandu', '--wait-for', '1500ms'], records);
    expect(there).toMatchObject({ code: 3, stderr: expect.stringContaining('1 event was not delivered') });
    expect(server.texts).toEqual([expect.stringContaining('ban: silent')]);
    server.seen.splice(0);
    expect((await run(['-'], records)).code).toBe(0);
    expect(server.texts).toHaveLength(2);
  });

  it('waits for a server that is slow, and says what it could not deliver', async () => {
    server.answers.push({ status: 500 }, { status: 429, body: '{"ok":false,"parameters":{"retry_after":1}}' });
    const late = await run(['-'], [event(1, 'alarm', 'ban', 'silent for 5 minutes')]);
    expect([late.code, server.seen.length]).toEqual([0, 3]);
    expect(late.stderr).toContain('phone delivers again after 2 failures');
    server.answers.push({ status: 500 }, { status: 500 });
    const lost = await run(['-', '--wait-for', '300ms'], [event(2, 'alarm', 'ban', 'x')]);
    expect(lost).toMatchObject({ code: 3, stderr: expect.stringContaining('1 event was not delivered') });
  });

  it.each<[string, () => Promise<{ code: number | null; stderr: string; stdout: string }>, string]>([
    ['no input', () => run([]), 'missing INPUT: - reads a pipe'],
    ['an unknown sink', () => run(['-', '--sink', 'pager']), 'no sink pager in mdtool.toml; there are phone'],
    ['a secret in the file', () => configured('', `secret = "${CANARY}"`), 'unknown key [notify.sinks.phone] secret'],
    ['a secret that others can read', () => configured('', '', 0o644), 'chmod 600'],
    ['hours that are none', () => configured('quiet_hours = "22-7"'), 'expected hours such as 22:00-07:00'],
    ['a severity that is none', () => configured('minimum = "loud"'), 'expected one of routine, warning, alarm'],
  ])('refuses %s', async (_, act, text) => {
    const { code, stderr, stdout } = await act();
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
    expect(stderr + stdout).not.toContain('canary');
  });
});

describe('mdtool notify test', () => {
  it('says what the server answered, without the token', async () => {
    expect(await run(['test', 'phone'])).toMatchObject({ code: 0, stdout: 'phone: delivered\n' });
    expect(server.texts[0]).toContain('a test of the sink phone');
    server.answers.push({ status: 401, body: `{"ok":false,"description":"Unauthorized ${CANARY}"}` });
    const { code, stderr, stdout } = await run(['test', '--json']);
    expect(code).toBe(5);
    expect(stderr + stdout).toContain('returned 401: Unauthorized ***');
    expect(stderr + stdout).not.toContain('canary');
  });

  it('takes the secret from the environment', async () => {
    configure('', '');
    const env = { MDTOOL_NOTIFY_PHONE_SECRET: '99:other-canary' };
    expect((await run(['test', 'phone'], [], env)).code).toBe(0);
    expect(server.seen[0]?.path).toBe('/bot99:other-canary/sendMessage');
  });
});
