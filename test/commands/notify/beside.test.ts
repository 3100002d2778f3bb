import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordOf } from '../../../src/lib/model/records.js';
import { ChatServer } from '../../support/chat-server.js';
import { type AccountServer, startAccountServer } from '../../support/exchange-server/accounts/server.js';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';
import { finished, ROOT, start } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

const CANARY = '55:canary-of-the-bot';
const LADDER = ['--deposit', '1000', '--leverage', '10', '--levels', '4', '--coverage', '4%', '--take-profit', '2%'];
const folder = mkdtempSync(join(tmpdir(), 'notify-beside-'));
let chat: ChatServer;
let exchange: ExchangeServer;
let accounts: AccountServer;
beforeAll(async () => {
  chat = await ChatServer.open();
  exchange = await startExchangeServer('bybit', { symbols: { linear: 2 }, rate: 50, timeScale: 50, keepBooks: false });
  accounts = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
});
beforeEach(() => configure());
afterAll(async () => {
  await chat.close();
  await exchange.close();
  await accounts.close();
});

function configure(general = ''): void {
  const sink = `kind = "telegram"\nchat = "1"\nurl = "${chat.url}"`;
  writeFileSync(join(folder, 'mdtool.toml'), `[notify]\n${general}\n[notify.sinks.phone]\n${sink}\n`);
  chat.seen.splice(0);
  chat.answers.splice(0);
}

const SECRET = { MDTOOL_NOTIFY_PHONE_SECRET: CANARY };
const run = (args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) =>
  mdtoolHere(args, { ...options, cwd: folder, env: { ...SECRET, ...options.env } });

/** A row that gives a long with the default rules. */
const row: RecordOf<'features'> = {
  ...{ type: 'features', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: 1_795_132_800_000_000 },
  ...{ knownTimestamp: 1_795_132_801_000_000, close: 100, deltaZ: 2, imbShift: 0.15, markDevZ: 1, atr15m: 0.5, atr15mPct: 0.5 },
  ...{ spreadBps: 3, warm: true, gapInWindow: false, ageMs: 5000 },
};

/** What this test has written, stores, journals and tapes among it, that holds a secret; compressed files are unpacked. */
const filesHolding = (secret: RegExp) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return secret.test((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1'));
    });
const lines = (...records: AnyRecord[]) => records.map((record) => `${encodeRecord(record)}\n`).join('');

describe('--notify', () => {
  it('signals: each signal is a message, and the output is the same', async () => {
    const plain = await run(['signals', '-'], { input: lines(row) });
    const { code, stdout, stderr } = await run(['signals', '-', '--notify'], { input: lines(row) });
    expect([code, stdout]).toEqual([0, plain.stdout]);
    expect(chat.texts).toEqual([
      expect.stringMatching(/^signal\/0 {2}SIGNAL long {2}BTCUSDT {2}@ 100 {2}stop 99.4 {2}target 101 /),
    ]);
    expect(stderr).not.toContain('canary');
  });

  it('stream: what is wrong with the capture is an event in every output, a log line and a message', async () => {
    configure('disk_free = "900000TB"');
    const args = [
      'stream',
      '--exchange',
      'bybit',
      '--market',
      'linear',
      '--duration',
      '5500ms',
      '--store',
      'data',
      '-o',
      'store',
      '-o',
      '-',
      '--tape',
      'tape.ndjson',
    ];
    const { code, stdout, stderr } = await run([...args, '--notify'], { env: exchange.environment });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/of the disk are free: make room/)]);
    const events = stdout.split('\n').filter((line) => line.startsWith('{"type":"event"'));
    expect(events.map((line) => JSON.parse(line))).toMatchObject([{ kind: 'disk', severity: 'alarm', seq: 0 }]);
    expect(chat.texts).toEqual([expect.stringMatching(/^ALARM {2}stream-[0-9a-f]{6}\/0 {2}disk: /)]);
    const sql = 'select kind, severity from event';
    const stored = await run(['query', sql, '--store', 'data', '--format', 'ndjson']);
    expect(stored.stdout.trim()).toBe('{"kind":"disk","severity":"alarm"}');
    expect(filesHolding(/canary/)).toEqual([]);
  }, 30_000);

  it('a gap that nobody can repair, and what verify finds, are warnings; so is why a step did not end well', async () => {
    // One frame of a book never arrived.
    const frames = gunzipSync(readFileSync(join(ROOT, 'fixtures/bybit-v5.tape.ndjson.gz')))
      .toString()
      .split('\n');
    const deltas = frames.flatMap((frame, index) => (/orderbook[^{]*ETHUSDT.*delta/.test(frame) ? [index] : []));
    const tape = join(folder, 'cut.tape.ndjson');
    writeFileSync(tape, frames.filter((_, index) => index !== deltas[20]).join('\n'));
    const replay = await run(['stream', '--replay', tape, '--market', 'linear', '--channels', 'book', '-o', 'none', '--notify']);
    expect([replay.code, chat.texts.join('\n')]).toEqual([
      3,
      expect.stringMatching(/^WARNING {2}gap\/0 {2}gap {2}ETHUSDT {2}book, bybit linear: .* \(sequence\), records are missing/m),
    ]);
    chat.seen.splice(0);
    const where = ['--store', join(ROOT, 'fixtures/store-0.1.0'), '--symbols', 'ETHUSDT', '--channels', 'book'];
    const { code, stdout } = await run(['verify', ...where, '--notify']);
    expect([code, stdout]).toEqual([3, expect.stringContaining('"verdict":"hole"')]);
    expect(chat.texts).toEqual([
      expect.stringMatching(
        /^2 events\nWARNING {2}coverage\/0 {2}verify: hole {2}ETHUSDT {2}book, .*\nWARNING {2}verify-[0-9a-f]{6}\/0 {2}incomplete: verify: /,
      ),
    ]);
  });

  it('a limit that is none ends a capture before it begins', async () => {
    configure('capture_silent = "1 hour"');
    const { code, stderr } = await run(['stream', '--exchange', 'bybit', '--market', 'linear'], {
      env: { MDTOOL_BYBIT_REST_URL: chat.url },
    });
    expect([code, stderr, chat.seen]).toEqual([
      2,
      expect.stringMatching(/capture_silent.*: expected a duration.*was "1 hour"/),
      [],
    ]);
  });

  it('a step that fails says so: scheduled ones have no terminal', async () => {
    const { code, stderr } = await run(['verify', '--store', 'nothing', '--notify']);
    expect(code).toBe(2);
    const [, reason = ''] = /^mdtool: (.*)$/m.exec(stderr) ?? [];
    expect(chat.texts).toEqual([expect.stringMatching(/^ALARM {2}verify-[0-9a-f]{6}\/0 {2}failed: verify: /)]);
    expect(chat.texts[0]).toContain(reason);
  });

  it('a sink that fails holds up nothing and changes no exit code; what it did not take is counted', async () => {
    chat.answers.push(...Array.from({ length: 50 }, () => ({ status: 400, body: '{"ok":false}' })));
    const began = performance.now();
    const { code, stderr } = await run(['signals', '-', '--notify'], { input: lines(row) });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/notify: 1 event was not delivered/)]);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(stderr).not.toContain('canary');
  }, 30_000);

  it.each(['stream', 'signals', 'watch', 'verify', 'backfill', 'compact', 'features', 'grid run x'])(
    '%s refuses to begin without a sink, or with one that is not there',
    async (command) => {
      const required = command === 'watch' || command === 'stream' ? ['--exchange', 'bybit', '--market', 'linear'] : [];
      const args = [...command.split(' '), ...required];
      const wrong = await run([...args, '--notify', '--sink', 'pager']);
      expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('no sink pager in mdtool.toml; there are phone')]);
      const alone = await run([...args, '--sink', 'phone']);
      expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--sink')]);
      writeFileSync(join(folder, 'mdtool.toml'), '');
      const none = await run([...args, '--notify']);
      expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no sinks: add a table')]);
    },
  );
});

describe('grid run --notify', () => {
  const opened = (expires?: number) => {
    accounts.market.setPrice('ETHUSDT', '100.00');
    const owner = accounts.desk.open();
    const key = accounts.desk.createKey(owner, { expires });
    return { ...SECRET, ...accounts.environment, ...accounts.keyVariables(key), XDG_CONFIG_HOME: folder };
  };
  const said = (pattern: RegExp) => expect.poll(() => chat.texts.join('\n'), { timeout: 20_000 }).toMatch(pattern);

  it('sends beside the run, outlives its SIGKILL, reports that nobody goes on, and leaves the rest to another start', async () => {
    configure('stalled = "10s"');
    const env = opened(Date.now() + 3 * 86_400_000);
    const args = ['grid', 'run', 'eth', '--notify', '--store', 'runs'];
    const first = start([...args, '--demo', '-e', 'bybit', '-s', 'ETHUSDT', ...LADDER], { env, cwd: folder });
    await said(/DEMO eth\/\d+ {2}ENTRY filled {2}ETHUSDT {2}long/);
    await said(/^WARNING {2}DEMO eth\/\d+ {2}ETHUSDT {2}key_expiry: the key expires in 3.0 days/m);
    first.kill('SIGKILL');
    await said(/^ALARM {2}DEMO eth:watchdog\/\d {2}ETHUSDT {2}no_heartbeat: .* its process is gone; held: [1-9]/m);
    const second = start([...args], { env, cwd: folder });
    const ended = finished(second);
    await said(/started: the run goes on/);
    await said(/^CLEARED {2}DEMO eth:watchdog\/\d {2}ETHUSDT {2}no_heartbeat cleared after \d+s$/m);
    second.kill('SIGINT');
    const { code, stderr, stdout } = await ended;
    expect(code).toBe(0);
    await said(/stopped: the run stops; what stays: /);
    expect(stderr + stdout + chat.texts.join('\n')).not.toContain('canary');
    expect(filesHolding(/canary|fake-/)).toEqual([]);
    const numbers = [...chat.texts.join('\n').matchAll(/DEMO eth\/(\d+) /g)].map(([, number]) => number);
    expect(numbers.length).toBeGreaterThan(3);
    expect(new Set(numbers).size).toBe(numbers.length);
  }, 60_000);

  it('a key that is refused before the run begins is an alarm, too', async () => {
    const env = opened();
    const wrong = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, name.endsWith('_KEY') ? 'the-wrong-one-of-two-keys' : value]),
    );
    const args = ['grid', 'run', 'refused', '--demo', '-e', 'bybit', '-s', 'ETHUSDT', ...LADDER, '--notify', '--store', 'runs'];
    const { code } = await run(args, { env: wrong });
    expect(code).toBe(5);
    expect(chat.texts).toEqual([expect.stringMatching(/^ALARM {2}grid-run-[0-9a-f]{6}\/0 {2}failed: grid run: bybit account /)]);
  });
});
