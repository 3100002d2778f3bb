import { UsageError } from '../../../model/errors.js';
import { retryAfter } from '../../../model/retry-after.js';
import { masked, type Secret } from '../../../secrets/secret.js';
import { AttemptError } from '../../../transport/failure.js';
import type { HttpAnswer, HttpSender } from '../../../transport/http.js';
import { shortened } from '../../digest.js';
import type { Delivery, Message } from '../../sink-queue.js';

/** Where messages go. `send` never throws for what a server did. */
export type Sink = {
  readonly name: string;
  /** Characters of a message. */
  readonly limit: number;
  readonly perMinute: number;
  send(message: Message): Promise<Delivery>;
};

/** What a sink is made from; which fields it needs is the matter of its kind. */
export type SinkSettings = {
  readonly name: string;
  readonly kind: string;
  /** The token, the address that is itself a secret, or the key of a signature. */
  readonly secret?: Secret | undefined;
  readonly url?: string | undefined;
  readonly chat?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly command?: readonly string[] | undefined;
};

export type OpenSink = (settings: SinkSettings, http: HttpSender) => Sink;

/** Characters of a server's answer that a log shows. */
const SHOWN = 200;
/** A server that asks for a longer pause (ms) is asked again then: an alarm is no news after a day. */
const LONGEST_PAUSE = 86_400_000;

type Post = { readonly url: string; readonly body: string; readonly headers?: Readonly<Record<string, string>> };

/**
 * Sends a POST and says what became of the message. Everything that a log could see is without the path, which holds the token of
 * some services, and without any secret. `judge` reads what a service says in its body.
 */
export async function post(
  http: HttpSender,
  { url, body, headers }: Post,
  judge?: (answer: HttpAnswer) => Delivery | undefined,
): Promise<Delivery> {
  const { origin, pathname, searchParams } = new URL(url);
  try {
    const request = { method: 'POST', path: pathname, query: Object.fromEntries(searchParams), body } as const;
    const answer = await http.send(origin, request, () => ({ 'content-type': 'application/json', ...headers }));
    return judge?.(answer) ?? verdictOf(answer);
  } catch (error) {
    const reason = error instanceof AttemptError ? error.what : 'cannot be reached';
    return { kind: 'failed', reason: masked(reason) };
  }
}

/** What a status means: only 2xx has delivered, and only a fault of the message or of the settings is refused. */
export function verdictOf({ status, headers, body }: HttpAnswer, said = body): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const reason = reasonOf(status, said);
  if (status === 429) return throttled(reason, retryAfter(headers, Date.now()));
  if (status >= 500 || status === 408 || status === 425) return { kind: 'failed', reason };
  return { kind: 'refused', reason };
}

export function throttled(reason: string, pause: number | undefined): Delivery {
  return { kind: 'failed', reason, ...(pause !== undefined && { pause: Math.min(pause, LONGEST_PAUSE) }) };
}

export function reasonOf(status: number, text: string): string {
  const said = masked(shortened(text.replace(/\s+/g, ' ').trim(), SHOWN));
  return `returned ${status}${said === '' ? '' : `: ${said}`}`;
}

/** Returns the object of a JSON text, undefined for anything else. */
export function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the address of a service. Throws a `UsageError` for one that would show a secret to the network. */
export function safeUrl(text: string | undefined, what: string, isSecret: boolean): string {
  const url = URL.canParse(text ?? '') ? new URL(text as string) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new UsageError(`${what}: expected an address such as https://host/path`);
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && isSecret && !isLocal)
    throw new UsageError(`${what}: http would show the secret to the network; use https, or a server on this machine`);
  return url.href;
}

/** Returns the field that a kind needs. Throws a `UsageError` that says where it is set. */
export function required<Value>(value: Value | undefined, { name, kind }: SinkSettings, field: string): Value {
  if (value !== undefined) return value;
  const where =
    field === 'secret'
      ? `set secret_file in [notify.sinks.${name}], or the environment variable ${secretVariable(name)} or ${secretVariable(name)}_FILE`
      : `set ${field} in [notify.sinks.${name}]`;
  throw new UsageError(`notify sink ${name}: ${kind} needs a ${field}; ${where}`);
}

/** The environment variable that holds the secret of a sink. */
export function secretVariable(name: string): string {
  return `MDTOOL_NOTIFY_${name.toUpperCase().replaceAll('-', '_')}_SECRET`;
}
