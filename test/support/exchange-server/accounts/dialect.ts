import type { Desk } from './desk.js';
import type { Engine } from './engine/engine.js';
import type { AccountFaults } from './engine/faults.js';
import type { Account, ApiKey, EngineEvent, Environment, Refusal } from './engine/model.js';
import type { EngineRules } from './engine/rules.js';

/** A request as it travelled: `query` without the question mark, header names in lower case. */
export type PrivateRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly ip: string;
  /** Which of the exchange's hosts it came to. */
  readonly environment: Environment;
};

export type Reply = { readonly status: number; readonly body: string; readonly headers: Readonly<Record<string, string>> };

/** A refusal in the exchange's own words; `reply` where it has no envelope. */
export class ApiRefusal extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly reply: Reply | undefined;

  constructor(code: string, message: string, status?: number, reply?: Reply) {
    super(message);
    this.code = code;
    this.status = status;
    this.reply = reply;
  }
}

/** An authenticated request. */
export type ApiCall = {
  readonly desk: Desk;
  readonly engine: Engine;
  readonly key: ApiKey;
  readonly account: Account;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Success is answered and nothing may happen. */
  readonly isDry: boolean;
  readonly number: number;
  readonly now: number;
};

export type PrivateRoute = {
  readonly perSecond: number;
  /** What the key must be allowed; `any` where every key may ask. */
  readonly right: 'any' | 'manage' | 'trade';
  readonly writes: boolean;
  /** Also served on the demo side. Default true. */
  readonly hasDemo?: boolean;
  answer(call: ApiCall): unknown;
};

/** One end of a private connection: a socket of the server, or a test's own. */
export type Link = {
  readonly connectionId: string;
  control(text: string): void;
  data(text: string): void;
  close(code: number, reason: string): void;
  pinged(): void;
};

/** One logged-in connection. */
export type Client = {
  readonly link: Link;
  readonly environment: Environment;
  /** Path of the connection without its host. */
  readonly path: string;
  key: ApiKey | undefined;
  readonly topics: Set<string>;
};

/** A frame for one topic. */
export type Push = { readonly topic: string; readonly text: string };

/** How one exchange speaks on its private side. */
export type Dialect = {
  readonly id: string;
  readonly rules: EngineRules;
  readonly takerFee: string;
  /** Whether the live hosts serve the demo side too, told apart by a header; the demo socket then has the public paths. */
  readonly sharesDemoHost: boolean;
  /** Whether a key has a passphrase. */
  readonly hasPassphrase: boolean;
  /** The second account of `npm run exchange -- ID --accounts`: what sets it apart from the first. */
  readonly secondDemo: { readonly family?: 'classic'; readonly holdMode?: 'hedge'; readonly about: string };
  /** Requests that one address may send, and how long it is refused afterwards; milliseconds. */
  readonly host: { readonly most: number; readonly window: number; readonly ban: number };
  readonly routes: ReadonlyMap<string, PrivateRoute>;
  /** Whether a path belongs to the private side. */
  owns(path: string): boolean;
  keyOf(request: PrivateRequest): string;
  /** Throws an `ApiRefusal` unless key, host, time, signature, address and rights are right. `now` is the time it is checked by. */
  authenticate(request: PrivateRequest, route: PrivateRoute, desk: Desk, now: number): ApiKey;
  success(result: unknown, now: number): string;
  refusal(refusal: ApiRefusal, now: number): Reply;
  translate(refusal: Refusal, request: { readonly path: string }, faults: AccountFaults): ApiRefusal;
  badParameter(message: string): ApiRefusal;
  unknownPath(request: PrivateRequest): ApiRefusal;
  maintenance(request: PrivateRequest): ApiRefusal;
  throttled(now: number): Reply;
  hostLimited(): Reply;
  limitHeaders(limit: number, left: number, now: number): Readonly<Record<string, string>>;
  /** Paths of private connections. */
  readonly sockets: readonly string[];
  /** Acts on a message of a client. */
  receive(client: Client, text: string, desk: Desk): void;
  /** Returns the frames that an event makes for one client's topics. */
  pushes(event: EngineEvent, client: Client, desk: Desk): readonly Push[];
  /** Returns what is pushed by the clock to one client every five seconds. */
  beat(client: Client, desk: Desk): readonly Push[];
};
