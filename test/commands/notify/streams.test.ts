import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ChatServer } from '../../support/chat-server.js';
import { isInstalled } from '../../support/installed.js';
import { ROOT } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';
import { RedisServer } from '../../support/redis-server.js';

const proxy = await ChatServer.open();
afterAll(() => proxy.close());

const AT = 1_790_000_000_000_000;
const event = (seq: number) => ({
  ...{ type: 'event', timestamp: AT, run: 'eth', mode: 'live', seq, severity: 'alarm', kind: `kind_${seq}`, message: 'x' },
});
const taken = { status: 200, body: '{"offsets":[{"partition":0,"offset":1},{"partition":0,"offset":2}]}' };
const half = { status: 200, body: '{"offsets":[{"partition":0,"offset":1},{"error_code":50003,"error":"retriable"}]}' };

it('examples/kafka-bridge.js writes messages and their records to a topic; what the proxy did not take comes again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-'));
  const env = { ...process.env, PROXY: proxy.url, TOPIC: 'alerts', SECRET: 'canary-key-of-the-bridge', PORT: '0' };
  const bridge = spawn(process.execPath, [join(ROOT, 'examples/kafka-bridge.js')], { env });
  try {
    const [said] = await once(bridge.stdout.setEncoding('utf8'), 'data');
    const port = /listening on (\d+)/.exec(said)?.[1];
    writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.kafka]\nkind = "webhook"\nurl = "http://127.0.0.1:${port}/"\n`);
    const send = (secret: string, seq: number, patience = '5s') =>
      mdtoolHere(['notify', '-', '--wait-for', patience], {
        ...{ cwd: folder, input: `${JSON.stringify(event(seq))}\n`, env: { MDTOOL_NOTIFY_KAFKA_SECRET: secret } },
      });
    proxy.answers.push({ status: 503 }, half, taken);
    expect(await send('canary-key-of-the-bridge', 1)).toMatchObject({ code: 0 });
    expect(proxy.seen.map(({ path }) => path)).toEqual(Array(3).fill('/topics/alerts'));
    const { records } = JSON.parse(proxy.seen[2]?.body ?? '') as { records: { key: string; value: Record<string, unknown> }[] };
    expect(records).toMatchObject([
      { key: 'eth/1', value: { id: 'eth/1', severity: 'alarm', kind: 'kind_1' } },
      { key: 'eth/1', value: { type: 'event', run: 'eth', seq: 1 } },
    ]);
    expect(await send('canary-of-a-wrong-key', 2, '500ms')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('returned 403'),
    });
    expect(proxy.seen).toHaveLength(3);
  } finally {
    bridge.kill();
  }
});

it.skipIf(!isInstalled('redis-server', 'the test of messages in a Redis stream'))(
  'the command of docs/notify.md adds messages to a Redis stream, which a consumer group reads; while Redis is gone they wait',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'redis-sink-'));
    const redis = await RedisServer.start();
    try {
      const cli = (...args: string[]) => execFileSync('redis-cli', ['-p', `${redis.port}`, ...args], { encoding: 'utf8' });
      const [, command = ''] = /^command = (\["redis-cli".*\])$/m.exec(readFileSync(join(ROOT, 'docs/notify.md'), 'utf8')) ?? [];
      const [program, ...rest] = JSON.parse(command) as string[];
      const here = JSON.stringify([program, '-p', `${redis.port}`, ...rest]);
      writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.redis]\nkind = "exec"\ncommand = ${here}\n`);
      const send = (seq: number, patience: string) =>
        mdtoolHere(['notify', '-', '--wait-for', patience], { cwd: folder, input: `${JSON.stringify(event(seq))}\n` });
      cli('XGROUP', 'CREATE', 'alerts', 'team', '0', 'MKSTREAM');
      expect(await send(1, '5s')).toMatchObject({ code: 0 });
      expect(cli('XREADGROUP', 'GROUP', 'team', 'one', 'STREAMS', 'alerts', '>')).toMatch(
        /text\nALARM {2}LIVE eth\/1 {2}kind_1: x/,
      );
      await redis.kill();
      expect(await send(2, '500ms')).toMatchObject({ code: 3, stderr: expect.stringContaining('1 event was not delivered') });
    } finally {
      await redis.close();
    }
  },
);
