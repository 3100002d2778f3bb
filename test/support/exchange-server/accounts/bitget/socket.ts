import type { Desk } from '../desk.js';
import type { Client, Push } from '../dialect.js';
import type { ApiKey, EngineEvent } from '../engine/model.js';
import { base64 } from './auth.js';
import { CLASSIC_CHANNELS, classicFirst, classicPushes } from './classic-pushes.js';
import { UNIFIED_TOPICS, unifiedBeat, unifiedFirst, unifiedPushes } from './unified-pushes.js';

type Argument = Readonly<Record<string, unknown>>;
type Request = { readonly op?: unknown; readonly args?: unknown };

const WINDOW = 30_000;
const FUTURES: readonly string[] = ['USDT-FUTURES', 'USDC-FUTURES', 'COIN-FUTURES'];

export function receive(client: Client, text: string, desk: Desk): void {
  if (text === 'ping') {
    client.link.pinged();
    client.link.control('pong');
    return;
  }
  const request = parse(text);
  const args = Array.isArray(request?.args) ? (request.args as Argument[]) : undefined;
  if (!request || !args) {
    fail(client, 30002, 'Illegal request');
    return;
  }
  if (request.op === 'login') {
    login(client, args[0] ?? {}, desk);
    return;
  }
  if (request.op === 'subscribe') for (const argument of args) subscribe(client, argument, desk);
  else if (request.op === 'unsubscribe') for (const argument of args) unsubscribe(client, argument);
  else fail(client, 30003, 'Invalid op');
}

function parse(text: string): Request | undefined {
  try {
    return JSON.parse(text) as Request;
  } catch {
    return undefined;
  }
}

function fail(client: Client, code: number, msg: string, arg?: Argument): void {
  client.link.control(JSON.stringify({ event: 'error', ...(arg && { arg }), code, msg }));
}

/** `<time>GET/user/verify` is signed; the time is in seconds or milliseconds, as text or number. */
function login(client: Client, argument: Argument, desk: Desk): void {
  const key = desk.keys.get(String(argument.apiKey));
  const refusal = refusalOf(client, argument, key, desk);
  if (refusal) {
    fail(client, ...refusal);
    client.link.close(1000, 'login failed');
    return;
  }
  client.key = key;
  client.link.control(JSON.stringify({ event: 'login', code: 0, connId: client.link.connectionId }));
}

function refusalOf(
  client: Client,
  { passphrase, timestamp, sign }: Argument,
  key: ApiKey | undefined,
  desk: Desk,
): readonly [code: number, msg: string] | undefined {
  if (!key || key.isRevoked || key.environment !== client.environment) return [30011, 'Invalid ACCESS_KEY'];
  if ((key.account.family === 'unified') !== isUnified(client)) return [30005, 'login failed'];
  const time = Number(timestamp);
  if (!/^\d{10}(?:\d{3})?$/.test(String(timestamp))) return [30013, 'Invalid ACCESS_TIMESTAMP'];
  if (Math.abs((time < 1e12 ? time * 1_000 : time) - desk.now()) > WINDOW) return [30014, 'Request timestamp expired'];
  if (sign !== base64(key.secret, `${timestamp}GET/user/verify`)) {
    desk.violate('bad-signature', 'login');
    return [30015, 'Invalid sign'];
  }
  return passphrase === key.passphrase ? undefined : [30012, 'Invalid ACCESS_PASSPHRASE'];
}

function isUnified({ path }: Client): boolean {
  return path.startsWith('/v3/');
}

/** Returns the channel or topic that an argument asks for, with the symbol or coin that narrows it. */
function nameOf({ channel, topic, instId, coin }: Argument): string {
  if (topic !== undefined) return String(topic);
  const narrowed = instId ?? coin;
  return narrowed === undefined || narrowed === 'default' ? String(channel) : `${String(channel)} ${String(narrowed)}`;
}

function subscribe(client: Client, argument: Argument, desk: Desk): void {
  if (!client.key) {
    fail(client, 30004, 'User needs to log in', argument);
    return;
  }
  const { account } = client.key;
  const name = nameOf(argument);
  const [known, types] = isUnified(client) ? [UNIFIED_TOPICS, ['UTA']] : [CLASSIC_CHANNELS, FUTURES];
  if (!types.includes(String(argument.instType)) || !known.includes(name.split(' ')[0] as string)) {
    fail(client, 30016, 'Param error', argument);
    return;
  }
  client.link.control(JSON.stringify({ event: 'subscribe', arg: argument }));
  // Accounts hold linear contracts in USDT alone: nothing happens in the others.
  if (argument.instType !== types[0]) return;
  client.topics.add(name);
  desk.hub.send(
    client,
    isUnified(client) ? unifiedFirst(name, account, client, desk) : classicFirst(name, account, client, desk),
  );
}

function unsubscribe(client: Client, argument: Argument): void {
  client.topics.delete(nameOf(argument));
  client.link.control(JSON.stringify({ event: 'unsubscribe', arg: argument }));
}

export function pushes(event: EngineEvent, client: Client, desk: Desk): readonly Push[] {
  return isUnified(client) ? unifiedPushes(event, client, desk) : classicPushes(event, client, desk);
}

export function beat(client: Client, desk: Desk): readonly Push[] {
  return client.key && isUnified(client) ? unifiedBeat(client.key.account, client, desk) : [];
}
