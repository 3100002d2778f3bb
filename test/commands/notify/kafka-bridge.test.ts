import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ChatServer } from '../../support/chat-server.js';
import { ROOT } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

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
  const env = { ...process.env, PROXY: proxy.url, TOPIC: 'alerts', SECRET: 'shared', PORT: '0' };
  const bridge = spawn(process.execPath, [join(ROOT, 'examples/kafka-bridge.js')], { env });
  try {
    const [said] = await once(bridge.stdout.setEncoding('utf8'), 'data');
    const port = /listening on (\d+)/.exec(said)?.[1];
    writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.kafka]\nkind = "webhook"\nurl = "http://127.0.0.1:${port}/"\n`);
    const send = (secret: string, seq: number) =>
      mdtoolHere(['notify', '-', '--wait-for', '5s'], {
        ...{ cwd: folder, input: `${JSON.stringify(event(seq))}\n`, env: { MDTOOL_NOTIFY_KAFKA_SECRET: secret } },
      });
    proxy.answers.push({ status: 503 }, half, taken);
    expect(await send('shared', 1)).toMatchObject({ code: 0 });
    expect(proxy.seen.map(({ path }) => path)).toEqual(Array(3).fill('/topics/alerts'));
    const { records } = JSON.parse(proxy.seen[2]?.body ?? '') as { records: { key: string; value: Record<string, unknown> }[] };
    expect(records).toMatchObject([
      { key: 'eth/1', value: { id: 'eth/1', severity: 'alarm', kind: 'kind_1' } },
      { key: 'eth/1', value: { type: 'event', run: 'eth', seq: 1 } },
    ]);
    expect(await send('other', 2)).toMatchObject({ code: 3, stderr: expect.stringContaining('returned 403') });
    expect(proxy.seen).toHaveLength(3);
  } finally {
    bridge.kill();
  }
});
