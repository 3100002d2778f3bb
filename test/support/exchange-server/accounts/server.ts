import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exchange, Protocol } from '../engine/exchange.js';
import type { Session } from '../engine/session.js';
import { createExchange, ExchangeServer, type StartOptions } from '../index.js';
import { BITGET } from './bitget/index.js';
import { BYBIT } from './bybit/index.js';
import { Desk, type DeskOptions } from './desk.js';
import type { Dialect } from './dialect.js';
import type { ApiKey, Environment } from './engine/model.js';
import { RequestGate } from './gate.js';
import { ScriptedMarket } from './scripted-market.js';

const DIALECTS: Readonly<Record<string, Dialect>> = { bitget: BITGET, bybit: BYBIT };
const DEMO = 'demo:';

export type AccountServerOptions = StartOptions & { readonly accounts?: DeskOptions };

/** A running exchange with accounts: the public server, a second host for its demo side, and the private desk behind both. */
export class AccountServer {
  readonly server: ExchangeServer;
  readonly desk: Desk;
  readonly gate = new RequestGate();
  readonly market: ScriptedMarket;
  readonly #demo: Server;
  #demoPort = 0;

  constructor(id: string, options: AccountServerOptions) {
    const dialect = DIALECTS[id];
    if (!dialect) throw new Error(`expected an exchange with accounts of ${Object.keys(DIALECTS).join(', ')}, was ${id}`);
    const exchange = withSockets(createExchange(id, { checksum: options.checksum ?? false }), dialect, () => this.desk);
    this.server = new ExchangeServer(exchange, options);
    this.desk = new Desk(dialect, this.server.market, () => this.server.now(), options.accounts);
    this.market = new ScriptedMarket(this.server);
    this.#demo = this.server.serve(DEMO);
    this.server.extend({
      handle: (request, response, host) => this.#handle(request, response, host === DEMO ? 'demo' : 'live'),
      observe: (event, now) => this.desk.engine.observe(event, now),
      run: (now) => this.desk.run(now),
      close: async () => {
        await new Promise((resolve) => this.#demo.close(resolve));
      },
    });
  }

  get demoRestUrl(): string {
    return `http://127.0.0.1:${this.#demoPort}`;
  }

  get demoWsUrl(): string {
    return `ws://127.0.0.1:${this.#demoPort}`;
  }

  /** Variables that point a client here. */
  get environment(): Record<string, string> {
    const prefix = `MDTOOL_${this.server.id.toUpperCase()}`;
    return {
      ...this.server.environment,
      [`${prefix}_PRIVATE_WS_URL`]: this.server.wsUrl,
      [`${prefix}_DEMO_REST_URL`]: this.desk.dialect.sharesDemoHost ? this.server.restUrl : this.demoRestUrl,
      [`${prefix}_DEMO_WS_URL`]: this.demoWsUrl,
    };
  }

  /** Variables that hold a key. */
  keyVariables({ key, secret, passphrase }: ApiKey): Record<string, string> {
    const prefix = `MDTOOL_${this.server.id.toUpperCase()}`;
    const pair = { [`${prefix}_KEY`]: key, [`${prefix}_SECRET`]: secret };
    return this.desk.dialect.hasPassphrase ? { ...pair, [`${prefix}_PASSPHRASE`]: passphrase } : pair;
  }

  async listen(port = 0): Promise<this> {
    await this.server.listen(port);
    await new Promise<void>((resolve) => this.#demo.listen(0, '127.0.0.1', resolve));
    this.#demoPort = (this.#demo.address() as AddressInfo).port;
    return this;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  #handle(request: IncomingMessage, response: ServerResponse, environment: Environment): boolean {
    const url = request.url ?? '/';
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    if (!this.desk.dialect.owns(path)) return false;
    void this.#answer(request, response, path, at < 0 ? '' : url.slice(at + 1), environment);
    return true;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
    environment: Environment,
  ): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    const { method = 'GET', headers, socket } = request;
    const given = {
      method,
      path,
      query,
      headers: headers as Record<string, string | undefined>,
      body,
      ip: (socket.remoteAddress ?? '').replace('::ffff:', ''),
      environment,
    };
    const seen = this.desk.arrive(given);
    if (!(await this.gate.passes(seen, 'arrived'))) {
      seen.outcome = 'ignored';
      response.destroy();
      return;
    }
    const outcome = await new Promise<Parameters<Parameters<Desk['handle']>[1]>[0]>((resolve) =>
      this.desk.handle(given, resolve, seen),
    );
    const goesOn = await this.gate.passes(seen, 'effective');
    if (outcome === 'hang') return;
    if (outcome === 'cut' || !goesOn) {
      response.destroy();
      return;
    }
    response.writeHead(outcome.status, { 'content-type': 'application/json', ...outcome.headers });
    response.end(outcome.body);
  }
}

/** Returns what was sent; undefined where the client went away before all of it was there. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString();
}

/** Adds the private paths, on both hosts, and on the demo host the public ones where the exchange has them there. */
function withSockets(exchange: Exchange, dialect: Dialect, desk: () => Desk): Exchange {
  const [first] = exchange.protocols.values();
  const base = first as Protocol;
  const privateOn = (environment: Environment, path: string): Protocol => ({
    ...base,
    overRate: (session) => base.overRate(session),
    receive: (session: Session, text: string) => desk().hub.receive(session, text, path, environment),
    closed: (session: Session) => desk().hub.disconnect(session),
  });
  const live = dialect.sockets.map((path) => [path, privateOn('live', path)] as const);
  const demo = dialect.sockets.map((path) => [DEMO + path, privateOn('demo', path)] as const);
  const shared = dialect.sharesDemoHost
    ? [...exchange.protocols].map(([path, protocol]) => [DEMO + path, protocol] as const)
    : [];
  return { ...exchange, protocols: new Map([...exchange.protocols, ...live, ...demo, ...shared]) };
}

/** Starts an exchange with accounts on free ports of 127.0.0.1. */
export function startAccountServer(id: string, options: AccountServerOptions = {}): Promise<AccountServer> {
  return new AccountServer(id, options).listen(options.port ?? 0);
}
