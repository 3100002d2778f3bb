import { createHmac } from 'node:crypto';
import type { Desk, Outcome } from '../../support/exchange-server/accounts/desk.js';
import type { ApiKey, Environment } from '../../support/exchange-server/accounts/engine/model.js';
import { AccountServer, type AccountServerOptions } from '../../support/exchange-server/accounts/server.js';

export type Fields = Readonly<Record<string, unknown>>;

export type Answer = {
  readonly status: number;
  /** `code` or `retCode` as text; empty where the body is not JSON. */
  readonly code: string;
  readonly body: Fields;
  readonly headers: Readonly<Record<string, string>>;
};

/** What a test spoils of a request. */
export type Spoilt = {
  readonly time?: number;
  readonly sign?: string;
  readonly passphrase?: string;
  readonly environment?: Environment;
  readonly headers?: Readonly<Record<string, string>>;
  readonly window?: number;
};

/** An exchange that stands still, does not listen, and trades at 100 until a test moves it. */
export function still(id: string, options: AccountServerOptions = {}): AccountServer {
  const server = new AccountServer(id, { clock: 'manual', symbols: { linear: 3 }, strangers: false, ...options });
  server.market.setPrice('ETHUSDT', '100.00');
  return server;
}

/** Signs as the pages say and asks a desk without a network. */
export class SignedClient {
  readonly desk: Desk;
  readonly key: ApiKey;

  constructor(desk: Desk, key: ApiKey) {
    this.desk = desk;
    this.key = key;
  }

  /** Returns what came back; throws on `cut` and `hang`. */
  ask(method: 'GET' | 'POST', path: string, fields: Fields | readonly Fields[] = {}, spoilt: Spoilt = {}): Answer {
    const outcomes = this.send(method, path, fields, spoilt);
    const [outcome] = outcomes;
    if (outcome === undefined || typeof outcome === 'string') throw new Error(`${method} ${path}: ${outcome ?? 'no answer yet'}`);
    return read(outcome);
  }

  /** Sends and returns the list that the outcome is put into, at once or later. */
  send(method: 'GET' | 'POST', path: string, fields: Fields | readonly Fields[] = {}, spoilt: Spoilt = {}): Outcome[] {
    const query = method === 'GET' ? queryOf(fields as Fields) : '';
    const body = method === 'GET' ? '' : JSON.stringify(fields);
    const headers =
      this.desk.dialect.id === 'bitget'
        ? this.#bitget(method, path, query, body, spoilt)
        : this.#bybit(method, query, body, spoilt);
    const outcomes: Outcome[] = [];
    const environment = spoilt.environment ?? (this.desk.dialect.id === 'bitget' ? 'live' : this.key.environment);
    this.desk.handle(
      { method, path, query, headers: { ...headers, ...spoilt.headers }, body, ip: '127.0.0.1', environment },
      (outcome) => outcomes.push(outcome),
    );
    return outcomes;
  }

  #bitget(method: string, path: string, query: string, body: string, { time, sign, passphrase }: Spoilt): Record<string, string> {
    const stamp = String(time ?? this.desk.now());
    const text = `${stamp}${method}${path}${query === '' ? '' : `?${query}`}${body}`;
    return {
      'access-key': this.key.key,
      'access-timestamp': stamp,
      'access-passphrase': passphrase ?? this.key.passphrase,
      'access-sign': sign ?? createHmac('sha256', this.key.secret).update(text).digest('base64'),
      ...(this.key.environment === 'demo' && { paptrading: '1' }),
    };
  }

  #bybit(method: string, query: string, body: string, { time, sign, window = 5_000 }: Spoilt): Record<string, string> {
    const stamp = String(time ?? this.desk.now());
    const text = `${stamp}${this.key.key}${window}${method === 'GET' ? query : body}`;
    return {
      'x-bapi-api-key': this.key.key,
      'x-bapi-timestamp': stamp,
      'x-bapi-recv-window': String(window),
      'x-bapi-sign': sign ?? createHmac('sha256', this.key.secret).update(text).digest('hex'),
    };
  }
}

function queryOf(fields: Fields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join('&');
}

function read({ status, body, headers }: Exclude<Outcome, string>): Answer {
  const parsed = body.startsWith('{') ? (JSON.parse(body) as Fields) : {};
  return { status, body: parsed, headers, code: String(parsed.code ?? parsed.retCode ?? '') };
}

/** Returns what stands at a path of names in an answer; undefined where it is not there. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, name) => (found as Record<string, unknown> | undefined)?.[name], value);
}
