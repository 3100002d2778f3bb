import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink } from '../../../src/lib/notify/live/sinks/registry.js';
import type { SinkSettings } from '../../../src/lib/notify/live/sinks/sink.js';
import type { Message } from '../../../src/lib/notify/sink-queue.js';
import { Secret } from '../../../src/lib/secrets/secret.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { type Answer, ChatServer } from '../../support/chat-server.js';

const TOKEN = '987654:canary-bot-token';
const message: Message = {
  id: 'eth-long/58',
  severity: 'alarm',
  kind: 'drawdown',
  text: 'ALARM  LIVE eth-long/58  ETHUSDT  <drawdown> & @everyone *20.4* %',
  notices: [
    {
      ...{
        source: 'eth-long',
        seq: 58,
        time: 1_790_000_000_000_000,
        severity: 'alarm',
        kind: 'drawdown',
        text: '',
        one: '',
        many: '',
      },
      record: {
        type: 'event',
        timestamp: 1_790_000_000_000_000,
        run: 'eth-long',
        mode: 'live',
        seq: 58,
        severity: 'alarm',
        kind: 'drawdown',
        message: 'x',
      },
    },
  ],
  backlog: new Map(),
};

let server: ChatServer;
let http: Awaited<ReturnType<typeof createHttpClient>>;
beforeAll(async () => {
  server = await ChatServer.open();
  http = await createHttpClient({ userAgent: 'test', timeout: 300 });
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const open = (settings: Omit<SinkSettings, 'name'>) => openSink({ name: 'phone', ...settings }, http);
const telegram = () => open({ kind: 'telegram', secret: new Secret(TOKEN), chat: '-100123', url: server.url });
async function answered(sink: ReturnType<typeof open>, answer?: Answer) {
  if (answer !== undefined) server.answers.push(answer);
  const delivery = await sink.send(message);
  return { delivery, seen: server.seen.at(-1) };
}

describe('telegram', () => {
  it('sends plain text to the chat', async () => {
    const { delivery, seen } = await answered(telegram());
    expect(delivery).toEqual({ kind: 'delivered' });
    expect(seen?.path).toBe(`/bot${TOKEN}/sendMessage`);
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      chat_id: '-100123',
      text: message.text,
      link_preview_options: { is_disabled: true },
    });
  });

  it.each<[string, Answer, object]>([
    [
      '429 with the pause that it asks for',
      { status: 429, body: '{"ok":false,"description":"Too Many Requests: retry after 37","parameters":{"retry_after":37}}' },
      { kind: 'failed', pause: 37_000 },
    ],
    [
      '429 of a proxy, with the header alone',
      { status: 429, body: 'slow down', headers: { 'retry-after': '9' } },
      { kind: 'failed', pause: 9_000 },
    ],
    ['a fault of the server', { status: 502, body: '<html>Bad Gateway</html>' }, { kind: 'failed' }],
    ['200 of something that is not Telegram', { status: 200, body: '<html>Log in to the WiFi</html>' }, { kind: 'failed' }],
    ['200 with a body that is cut', { status: 200, body: '{"ok":tr' }, { kind: 'failed' }],
    ['no answer', 'hang', { kind: 'failed', reason: expect.stringContaining('did not answer within 300 ms') }],
    ['a reset', 'reset', { kind: 'failed' }],
    [
      'a redirect, which would carry the token elsewhere',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      { kind: 'refused' },
    ],
    [
      'a wrong token',
      { status: 401, body: '{"ok":false,"error_code":401,"description":"Unauthorized"}' },
      { kind: 'refused', reason: 'returned 401: Unauthorized' },
    ],
    [
      'a chat that is gone',
      { status: 400, body: '{"ok":false,"description":"Bad Request: chat not found"}' },
      { kind: 'refused' },
    ],
    [
      'an answer that repeats the token',
      { status: 404, body: `no bot ${TOKEN}` },
      { kind: 'refused', reason: 'returned 404: no bot ***' },
    ],
  ])('judges %s', async (_, answer, expected) => {
    const { delivery } = await answered(telegram(), answer);
    expect(delivery).toMatchObject(expected);
    expect(JSON.stringify(delivery)).not.toContain('canary');
  });

  it('names the host and never the path when it cannot be reached', async () => {
    const gone = open({ kind: 'telegram', secret: new Secret(TOKEN), chat: '1', url: 'http://127.0.0.1:9' });
    expect(await gone.send(message)).toEqual({ kind: 'failed', reason: '127.0.0.1:9 refused the connection' });
    const unknown = open({ kind: 'telegram', secret: new Secret(TOKEN), chat: '1', url: 'https://no-such-host.invalid' });
    expect(await unknown.send(message)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('no-such-host.invalid'),
    });
  });
});

describe('the other sinks', () => {
  it('webhook: the record behind the message, and a signature of exactly these bytes', async () => {
    const { delivery, seen } = await answered(
      open({ kind: 'webhook', url: `${server.url}/hook?team=a`, secret: new Secret('hmac-canary') }),
    );
    expect(delivery).toEqual({ kind: 'delivered' });
    expect(seen?.path).toBe('/hook?team=a');
    const body = JSON.parse(seen?.body ?? '') as Record<string, unknown>;
    expect(body).toMatchObject({
      id: 'eth-long/58',
      severity: 'alarm',
      kind: 'drawdown',
      records: [{ type: 'event', run: 'eth-long', seq: 58 }],
    });
    const signature = createHmac('sha256', 'hmac-canary')
      .update(seen?.body ?? '')
      .digest('hex');
    expect(seen?.headers).toMatchObject({ 'x-mdtool-signature': `sha256=${signature}`, 'idempotency-key': 'eth-long/58' });
  });

  it('ntfy: an alarm has the highest priority', async () => {
    const { seen } = await answered(open({ kind: 'ntfy', url: `${server.url}/my-topic`, secret: new Secret('tk_canary') }));
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({
      topic: 'my-topic',
      title: 'mdtool ALARM: drawdown',
      priority: 5,
      message: message.text,
    });
    expect(seen?.headers.authorization).toBe('Bearer tk_canary');
  });

  it('discord: mentions nobody, and keeps the pause of its body', async () => {
    const sink = open({ kind: 'discord', secret: new Secret(`${server.url}/api/webhooks/1/canary`) });
    const { delivery, seen } = await answered(sink, { status: 429, body: '{"retry_after":0.65,"global":false}' });
    expect(delivery).toMatchObject({ kind: 'failed', pause: 650 });
    expect(JSON.parse(seen?.body ?? '')).toEqual({ content: message.text, allowed_mentions: { parse: [] } });
    expect((await answered(sink, { status: 204 })).delivery).toEqual({ kind: 'delivered' });
  });

  it('slack: what its markup would act upon is escaped', async () => {
    const { seen } = await answered(open({ kind: 'slack', secret: new Secret(`${server.url}/services/canary`) }), { body: 'ok' });
    expect(JSON.parse(seen?.body ?? '').text).toContain('&lt;drawdown&gt; &amp; @everyone');
  });

  it('exec: the text on stdin, without the keys of the environment', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'notify-')), 'out');
    process.env.MDTOOL_BITGET_SECRET = 'env-canary';
    const script = 'cat > "$0"; env >> "$0"';
    const sink = open({ kind: 'exec', command: ['sh', '-c', script, path] });
    expect(await sink.send(message)).toEqual({ kind: 'delivered' });
    delete process.env.MDTOOL_BITGET_SECRET;
    const written = readFileSync(path, 'utf8');
    expect(written).toContain(message.text);
    expect(written).toContain('NOTIFY_SEVERITY=alarm');
    expect(written).not.toContain('canary');
    expect(await open({ kind: 'exec', command: ['sh', '-c', 'echo no >&2; exit 3'] }).send(message)).toEqual({
      kind: 'failed',
      reason: 'sh ended with 3: no',
    });
    expect(await open({ kind: 'exec', command: ['no-such-program'] }).send(message)).toMatchObject({ kind: 'refused' });
  });

  it('email: over SMTP, and a refusal shows no password', async () => {
    const mail = await smtpServer();
    const sink = open({ kind: 'email', secret: new Secret(mail.url), from: 'a@example.org', to: 'b@example.org' });
    expect(await sink.send(message)).toEqual({ kind: 'delivered' });
    expect(mail.lines.join('\n')).toContain('Subject: mdtool ALARM: drawdown');
    mail.refuses = true;
    const refused = await sink.send(message);
    expect(refused).toMatchObject({ kind: 'refused' });
    expect(JSON.stringify(refused)).not.toContain('mail-canary');
    mail.close();
  });

  it.each<[string, Omit<SinkSettings, 'name'>, string]>([
    ['an unknown kind', { kind: 'telegramm' }, 'did you mean telegram?'],
    ['a bot without its token', { kind: 'telegram', chat: '1' }, 'MDTOOL_NOTIFY_PHONE_SECRET'],
    ['a bot without a chat', { kind: 'telegram', secret: new Secret(TOKEN) }, 'set chat in [notify.sinks.phone]'],
    [
      'a secret over plain http',
      { kind: 'slack', secret: new Secret('http://hooks.example.org/canary') },
      'http would show the secret',
    ],
    ['an address that is none', { kind: 'webhook', url: 'example.org' }, 'expected an address such as https://host/path'],
  ])('refuses %s', (_, settings, text) => {
    expect(() => open(settings)).toThrow(text);
    expect(() => open(settings)).not.toThrow('canary');
  });
});

/** As much of SMTP as one mail needs. */
async function smtpServer() {
  const state = { lines: [] as string[], refuses: false, url: '', close: () => {} };
  const answerOf = (line: string): string => {
    if (line.startsWith('AUTH')) return state.refuses ? '535 5.7.8 wrong mail-canary' : '235 ok';
    if (line.startsWith('EHLO')) return '250-test\r\n250 AUTH PLAIN';
    return line === 'DATA' ? '354 go on' : '250 ok';
  };
  const server = createServer((socket: Socket) => {
    let isData = false;
    socket.write('220 test\r\n');
    const take = (line: string) => {
      state.lines.push(line);
      if (!isData || line === '.') socket.write(`${answerOf(line)}\r\n`);
      isData = line === 'DATA' || (isData && line !== '.');
    };
    createInterface({ input: socket }).on('line', take);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `smtp://user:mail-canary@127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.close = () => server.close();
  return state;
}
