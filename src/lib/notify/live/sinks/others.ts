import { spawn } from 'node:child_process';
import { UsageError } from '../../../model/errors.js';
import { encodeRecord } from '../../../model/ndjson.js';
import { masked, Secret } from '../../../secrets/secret.js';
import { shortened } from '../../digest.js';
import type { Delivery, Message } from '../../sink-queue.js';
import { titleOf } from '../../title.js';
import { type OpenSink, post, required, safeUrl } from './sink.js';

const COMMAND_TIMEOUT = 10_000;
const MAIL_TIMEOUT = 20_000;
const LARGEST = 65_536;

/**
 * A webhook: the message as JSON, with the records behind it. With a secret, a header holds the HMAC-SHA256 of the body; the body
 * says when it was sent, so that an old one which is sent again can be recognised.
 */
export const openWebhook: OpenSink = (settings, http) => {
  const url = safeUrl(required(settings.url, settings, 'url'), `notify sink ${settings.name}`, false);
  return {
    name: settings.name,
    limit: LARGEST,
    perMinute: 120,
    send: (message) => {
      const body = webhookBody(message, Date.now() * 1_000);
      const signature = settings.secret && { 'x-mdtool-signature': `sha256=${settings.secret.hmac(body, 'hex')}` };
      return post(http, { url, body, headers: { 'idempotency-key': message.id, ...signature } });
    },
  };
};

/** Records keep the spelling that they have everywhere; what was only counted of a backlog is under `counts`. */
function webhookBody({ id, severity, kind, text, notices, backlog }: Message, sent: number): string {
  const records = notices.flatMap(({ record }) => (record ? [encodeRecord(record)] : []));
  const counts = [...backlog.values()].map(({ source, mode, many, first, last, count }) => ({
    source,
    mode,
    what: many,
    first,
    last,
    count,
  }));
  const head = JSON.stringify({ id, sent, severity, kind, text, ...(counts.length > 0 && { counts }) });
  return `${head.slice(0, -1)},"records":[${records.join(',')}]}`;
}

/** A command of the user: the text on its stdin, the rest in its environment; exit 0 has delivered. */
export const openCommand: OpenSink = (settings) => {
  const [program, ...args] = required(settings.command, settings, 'command');
  if (program === undefined) throw new UsageError(`notify sink ${settings.name}: command is empty`);
  return { name: settings.name, limit: LARGEST, perMinute: 120, send: (message) => runCommand(program, args, message) };
};

function runCommand(program: string, args: readonly string[], message: Message): Promise<Delivery> {
  const { PATH, HOME, LANG, DISPLAY, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR } = process.env;
  // Only what a command needs to run: the environment may hold keys of an exchange.
  const base = { PATH, HOME, LANG, DISPLAY, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR };
  const env = { ...base, NOTIFY_ID: message.id, NOTIFY_SEVERITY: message.severity, NOTIFY_TITLE: titleOf(message) };
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: COMMAND_TIMEOUT,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = shortened(said + text, 200);
    });
    child.stdin.on('error', () => {});
    child.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ kind: 'refused', reason: `${program} cannot be started (${error.code ?? 'unknown reason'})` });
    });
    child.on('close', (code, signal) => {
      const reason = signal ? `${program} was ended after 10 s` : `${program} ended with ${code}: ${masked(said.trim())}`;
      resolve(code === 0 ? { kind: 'delivered' } : { kind: 'failed', reason });
    });
    child.stdin.end(`${message.text}\n`);
  });
}

type Mailer = { sendMail(mail: Readonly<Record<string, string>>): Promise<unknown> };
type Nodemailer = { createTransport(options: Readonly<Record<string, unknown>>): Mailer };

/** E-mail over SMTP; the secret is its address, `smtps://user:password@host`. */
export const openEmail: OpenSink = (settings) => {
  const secret = required(settings.secret, settings, 'secret');
  const { from, to } = { from: required(settings.from, settings, 'from'), to: required(settings.to, settings, 'to') };
  const address = mailAddress(secret, settings.name);
  let mailer: Promise<Mailer> | undefined;
  return {
    name: settings.name,
    limit: LARGEST,
    perMinute: 10,
    send: async (message) => {
      mailer ??= createMailer(address);
      try {
        const mail = { from, to, subject: titleOf(message), text: `${message.text}\n`, messageId: undefined };
        await (await mailer).sendMail({ ...mail, messageId: `<${message.id.replaceAll(/[^\w.-]/g, '.')}@mdtool>` });
        return { kind: 'delivered' };
      } catch (error) {
        if (error instanceof UsageError) return { kind: 'refused', reason: error.message };
        const { message: text, responseCode = 0 } = error as Error & { responseCode?: number };
        const reason = masked(shortened(text.replace(/\s+/g, ' '), 200));
        return { kind: responseCode >= 500 ? 'refused' : 'failed', reason };
      }
    },
  };
};

function mailAddress(secret: Secret, name: string): URL {
  const text = secret.reveal();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'smtp:' && url?.protocol !== 'smtps:')
    throw new UsageError(`notify sink ${name}: expected its secret to be smtps://user:password@host or smtp://host`);
  // The server may repeat the password alone.
  if (url.password !== '') new Secret(decodeURIComponent(url.password));
  return url;
}

async function createMailer({ protocol, hostname, port, username, password }: URL): Promise<Mailer> {
  const name = 'nodemailer';
  const { createTransport } = await (import(name) as Promise<{ default: Nodemailer }>).then(
    (module) => module.default,
    () => {
      throw new UsageError('e-mail needs nodemailer: npm install nodemailer');
    },
  );
  const secure = protocol === 'smtps:';
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return createTransport({
    host: hostname,
    port: Number(port || (secure ? 465 : 587)),
    secure,
    // A password in clear text over the network would be everybody's.
    requireTLS: !secure && !isLocal,
    ...(username !== '' && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    ...{ connectionTimeout: MAIL_TIMEOUT, greetingTimeout: MAIL_TIMEOUT, socketTimeout: MAIL_TIMEOUT },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}
