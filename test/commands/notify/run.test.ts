import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { initialState, type RunConfig } from '../../../src/lib/execution/state.js';
import { createRunStore, runDirectory } from '../../../src/lib/execution/store/sqlite-store.js';
import { ChatServer } from '../../support/chat-server.js';
import { finished, start } from '../../support/mdtool.js';

const CONFIG = { name: 'eth', id: 'abc123', exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', mode: 'demo' } as RunConfig;
const server = await ChatServer.open();
afterAll(() => server.close());

describe('mdtool notify run', () => {
  it('delivers every alarm over two kills, the rest with right numbers, and shows no token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'notify-run-'));
    writeFileSync(join(folder, 'bot'), '77:canary');
    chmodSync(join(folder, 'bot'), 0o600);
    const sink = `kind = "telegram"\nchat = "1"\nurl = "${server.url}"\nsecret_file = "bot"`;
    writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.phone]\n${sink}\n`);
    const journal = await createRunStore(runDirectory(join(folder, 'data'), 'eth'), CONFIG);
    const write = (seq: number, severity: 'routine' | 'alarm') => {
      const now = Date.now() * 1_000;
      const where = { exchange: 'bybit', market: 'linear', symbol: 'ETHUSDT', run: 'eth', mode: 'demo' } as const;
      const what = { severity, kind: `kind_${seq}`, message: `message ${seq}` };
      const record = { type: 'event', ...where, timestamp: now, localTimestamp: now, seq, ...what } as const;
      const state = { ...initialState({ tick: '0.01', lot: '0.01' }, 0), seq: seq + 1, starts: ['aaa'] };
      journal.commit({ state, intents: [], orders: [], fills: [], outbox: [{ seq, record }] });
    };
    const follow = () => start(['notify', 'run', '--store', 'data'], { cwd: folder });
    write(0, 'alarm');
    write(1, 'routine');
    // The first process dies while the server has the first alarm and does not answer.
    server.answers.push('hang');
    const first = follow();
    await server.until(1);
    first.kill('SIGKILL');
    write(2, 'alarm');
    // The second one dies after both alarms, before the routine event has waited for others.
    const second = follow();
    await server.until(3);
    second.kill('SIGKILL');
    write(3, 'routine');
    const third = follow();
    const output = finished(third);
    const isComplete = () => [0, 1, 2, 3].every((seq) => server.texts.some((text) => text.includes(`DEMO eth/${seq}  `)));
    const deadline = Date.now() + 15_000;
    while (!isComplete() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.texts.join('\n')).toContain('message 3');
    expect(isComplete()).toBe(true);
    third.kill('SIGINT');
    const { code, stderr, stdout } = await output;
    expect(code).toBe(0);
    expect(stderr + stdout).not.toContain('canary');
    const sent = server.seen.length;
    const fourth = follow();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    fourth.kill('SIGINT');
    await finished(fourth);
    expect(server.seen).toHaveLength(sent);
    journal.close();
  }, 40_000);
});
