import { AttemptError } from '../../src/lib/transport/failure.js';
import type { HttpSender } from '../../src/lib/transport/http.js';
import type { openSocket } from '../../src/lib/transport/socket.js';
import type { Timing } from '../../src/lib/transport/timing.js';
import type { Desk, Outcome } from './exchange-server/accounts/desk.js';
import type { Link } from './exchange-server/accounts/dialect.js';
import type { AccountServer } from './exchange-server/accounts/server.js';

/** Time of a process, and its wires to an exchange in the same process. Nothing moves unless `advance` lets it. */
export class VirtualWire {
  /** Connections that are refused from now on. */
  refusesConnections = 0;
  /** Milliseconds that a request, and again its answer, travels at most. */
  latency: number;
  /** Whether the process is dead: nothing that it sent is answered, nothing of it wakes up. */
  isDead = false;
  /** Milliseconds by which the clock of the host is ahead of the exchange's. */
  skew = 0;
  /** Called before a signed request takes effect, and after it has. */
  onRequest: ((phase: 'before' | 'after') => void) | undefined;
  readonly timing: Timing;
  readonly http: HttpSender;
  readonly connect: typeof openSocket;
  readonly #server: AccountServer;
  readonly #random: () => number;
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();
  readonly #links = new Set<{ link: Link; end: () => void }>();

  readonly #signal: AbortSignal | undefined;

  /** After the signal nothing takes time any more. */
  constructor(server: AccountServer, random: () => number, latency = 200, signal?: AbortSignal) {
    this.#signal = signal;
    this.#server = server;
    this.#random = random;
    this.latency = latency;
    this.timing = {
      now: () => this.#desk.now(),
      random,
      sleep: (milliseconds, signal) => this.#sleep(milliseconds, signal),
    };
    this.http = { send: (_, request, sign) => this.#send(request, sign) };
    this.connect = ((url, options) => this.#connect(url, options)) as typeof openSocket;
  }

  get #desk(): Desk {
    return this.#server.desk;
  }

  /** Lets time pass until somebody has waited long enough, at most so many milliseconds. */
  async jump(most: number): Promise<void> {
    const next = Math.min(...[...this.#sleepers].map(({ at }) => at)) - this.#desk.now();
    await this.advance(Math.ceil(Math.min(most, Math.max(1, next))));
  }

  /** Lets time pass, and whoever has waited for it go on. */
  async advance(milliseconds: number): Promise<void> {
    this.#server.server.advance(milliseconds);
    for (const sleeper of [...this.#sleepers].filter(({ at }) => at <= this.#desk.now()).sort((a, b) => a.at - b.at)) {
      this.#sleepers.delete(sleeper);
      if (!this.isDead) sleeper.wake();
    }
    await new Promise(setImmediate);
  }

  /** Every connection ends, without a word of the exchange. */
  cut(): void {
    for (const { end } of [...this.#links]) end();
  }

  /** Gives every connection a frame. */
  say(text: string): void {
    for (const { link } of [...this.#links]) link.data(text);
  }

  /** Wakes everybody who sleeps. */
  wakeAll(): void {
    for (const { wake } of this.#sleepers) wake();
  }

  /** The process ends as with SIGKILL. */
  kill(): void {
    this.isDead = true;
    for (const { link } of this.#links) this.#desk.hub.disconnect(link);
    this.#links.clear();
    this.#sleepers.clear();
  }

  #sleep(milliseconds: number, signal = this.#signal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) resolve();
      else {
        const wake = () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { at: this.#desk.now() + milliseconds, wake };
        this.#sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      }
    });
  }

  async #travel(): Promise<void> {
    if (this.latency > 0) await this.#sleep(this.#random() * this.latency);
    if (this.isDead) await new Promise(() => {});
  }

  async #send(
    { method = 'GET', path, query, body = '' }: Parameters<HttpSender['send']>[1],
    sign: Parameters<HttpSender['send']>[2],
  ): ReturnType<HttpSender['send']> {
    const text = new URLSearchParams(query).toString();
    const signed = sign?.({ method, path, query: text, body }) ?? {};
    const headers = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value]));
    await this.#travel();
    if (!sign) return this.#public(path);
    const environment = this.#desk.dialect.id === 'bitget' ? 'live' : 'demo';
    const request = { method, path, query: text, headers, body, ip: '127.0.0.1', environment } as const;
    this.onRequest?.('before');
    if (this.isDead) await new Promise(() => {});
    const outcome = await new Promise<Outcome>((resolve) => this.#desk.handle(request, resolve));
    this.onRequest?.('after');
    await this.#travel();
    if (outcome === 'hang') {
      await this.#sleep(10_000);
      throw new AttemptError({ kind: 'fault', what: 'x did not answer within 10 s' });
    }
    if (outcome === 'cut') throw new AttemptError({ kind: 'fault', what: 'x closed the connection early' });
    return outcome;
  }

  /** The clock is all that the public side has here. */
  #public(path: string): Awaited<ReturnType<HttpSender['send']>> {
    if (!/time/.test(path)) throw new AttemptError({ kind: 'final', what: 'the session has no public side' });
    const now = this.#desk.now();
    const body =
      this.#desk.dialect.id === 'bitget'
        ? { code: '00000', msg: 'success', requestTime: now, data: { serverTime: String(now) } }
        : {
            retCode: 0,
            retMsg: 'OK',
            result: { timeSecond: String(Math.floor(now / 1_000)), timeNano: `${now}000000` },
            time: now,
          };
    return { status: 200, headers: {}, body: JSON.stringify(body) };
  }

  async #connect(url: string, { onFrame, onClose }: Parameters<typeof openSocket>[1]): ReturnType<typeof openSocket> {
    if (this.refusesConnections > 0) {
      this.refusesConnections -= 1;
      throw new AttemptError({ kind: 'fault', what: 'x refused the connection' });
    }
    const path = new URL(url).pathname;
    const give = (text: string) => onFrame(Buffer.from(text));
    const end = (code = 1006, reason = '') => {
      if (!this.#links.delete(entry)) return;
      this.#desk.hub.disconnect(link);
      onClose(code, reason);
    };
    const link: Link = { connectionId: 'c', control: give, data: give, close: end, pinged: () => {} };
    const entry = { link, end };
    this.#links.add(entry);
    this.#desk.hub.connect(link, path, 'demo');
    const send = (text: string) => (this.#links.has(entry) ? this.#desk.hub.receive(link, text, path, 'demo') : undefined);
    return { send, ping: () => {}, close: end, terminate: () => end(), unsent: 0 };
  }
}
