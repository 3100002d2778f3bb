import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { initialState, type RunConfig } from '../../../src/lib/execution/state.js';
import { createRunStore, runDirectory } from '../../../src/lib/execution/store/sqlite-store.js';
import { Notifier } from '../../../src/lib/notify/live/notifier.js';
import { RunsFollower } from '../../../src/lib/notify/live/runs-follower.js';
import { openSink } from '../../../src/lib/notify/live/sinks/registry.js';
import { Secret } from '../../../src/lib/secrets/secret.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { ChatServer } from '../../support/chat-server.js';
import { finished, start } from '../../support/mdtool.js';

const CONFIG = { name: 'eth', id: 'abc123', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', mode: 'demo' } as RunConfig;
const CANARY = '77:canary';
const server = await ChatServer.open();
const http = await createHttpClient({ userAgent: 'test', timeout: 5_000 });
const folder = mkdtempSync(join(tmpdir(), 'notify-run-'));
const store = join(folder, 'data');
afterAll(async () => {
  await http.close();
  await server.close();
});

async function journalOf(name: string) {
  const journal = await createRunStore(runDirectory(store, name), { ...CONFIG, name });
  const write = (seq: number, severity: 'routine' | 'alarm') => {
    const now = Date.now() * 1_000;
    const where = { exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', run: name, mode: 'demo' } as const;
    const what = { severity, kind: `kind_${seq}`, message: `message ${seq}` };
    const record = { type: 'event', ...where, timestamp: now, localTimestamp: now, seq, ...what } as const;
    const state = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), seq: seq + 1, starts: ['aaa'] };
    journal.commit({ state, intents: [], orders: [], fills: [], outbox: [{ seq, record }] });
  };
  return { journal, write };
}

/** Follows as a process would, until something is so; then it is stopped, and what waits is sent. */
async function followed(name: string, isSo: () => boolean): Promise<string> {
  const log: string[] = [];
  const sink = openSink({ name: 'phone', kind: 'telegram', chat: '1', url: server.url, secret: new Secret(CANARY) }, http);
  const notifier = new Notifier([{ sink, policy: { minimum: 'routine' } }], { log: (_, text) => log.push(text) });
  notifier.start();
  const say = (text: string) => void log.push(text);
  const limits = { stalled: 600_000, liquidation: () => 0.1 };
  const follower = new RunsFollower({ store, names: [name], notifier, ...limits, warn: say, note: say });
  const stop = new AbortController();
  const running = follower.run(stop.signal);
  const deadline = Date.now() + 8_000;
  while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await running;
  await notifier.close(5_000);
  await follower.close();
  return log.join('\n');
}

describe('mdtool notify run', () => {
  it('delivers every alarm over two kills, the rest with right numbers, and shows no token', async () => {
    writeFileSync(join(folder, 'bot'), CANARY);
    chmodSync(join(folder, 'bot'), 0o600);
    const sink = `kind = "telegram"\nchat = "1"\nurl = "${server.url}"\nsecret_file = "bot"`;
    writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.phone]\n${sink}\n`);
    const { journal, write } = await journalOf('eth');
    const follow = () => start(['notify', 'run', 'eth', '--store', 'data'], { cwd: folder });
    write(0, 'alarm');
    write(1, 'routine');
    // The first process dies while the server has the first alarm and does not answer.
    server.answers.push('hang');
    const first = follow();
    const outputs = [finished(first)];
    await server.until(1);
    first.kill('SIGKILL');
    write(2, 'alarm');
    // The second one dies after both alarms, before the routine event has waited for others.
    const second = follow();
    outputs.push(finished(second));
    await server.until(3);
    second.kill('SIGKILL');
    // A lock is free when its process is gone, which takes a moment.
    await Promise.all(outputs);
    write(3, 'routine');
    const has = (seq: number) => server.texts.some((text) => text.includes(`DEMO eth/${seq}  `));
    // Routine events that wait when it is stopped are sent, too.
    const log = await followed('eth', () => has(0) && has(2));
    expect([0, 1, 2, 3].map(has)).toEqual([true, true, true, true]);
    expect(server.texts.join('\n')).toContain('message 3');
    const texts = (await Promise.all(outputs)).map(({ stderr, stdout }) => stderr + stdout);
    expect([log, ...texts].join('\n')).not.toContain('canary');
    const sent = server.seen.length;
    const began = Date.now();
    await followed('eth', () => Date.now() - began > 700);
    expect(server.seen).toHaveLength(sent);
    journal.close();
  }, 40_000);
});
