import type { Desk } from '../desk.js';
import { ApiRefusal, type Client, type Push } from '../dialect.js';
import type { EngineEvent, Order } from '../engine/model.js';
import { checkKey, hex, keyOn } from './auth.js';
import { fillRow, orderRow, positionRow, walletRow } from './rows.js';

type Request = { readonly op?: unknown; readonly req_id?: unknown; readonly args?: unknown };

const TOPICS = new Set(['order', 'execution', 'position', 'wallet', 'execution.fast']);
const CATEGORISED = /^(order|execution|position|execution\.fast)\.(linear|inverse|spot|option)$/;

export function receive(client: Client, text: string, desk: Desk): void {
  const request = parse(text);
  const { link } = client;
  const echo = request?.req_id === undefined ? {} : { req_id: request.req_id };
  if (request?.op === 'ping') {
    link.pinged();
    link.control(JSON.stringify({ ...echo, op: 'pong', args: [String(desk.now())], conn_id: link.connectionId }));
    return;
  }
  const id = desk.faults.questions.echoesRequestId ? echo : {};
  const answer = (op: string, success: boolean, message: string): void =>
    link.control(JSON.stringify({ success, ret_msg: message, op, ...id, conn_id: link.connectionId }));
  if (request?.op === 'auth') {
    login(client, request.args, desk, (success, message) => answer('auth', success, message));
    return;
  }
  if (request?.op === 'subscribe') {
    subscribe(client, request.args, (success, message) => answer('subscribe', success, message));
    return;
  }
  if (request?.op === 'unsubscribe' && Array.isArray(request.args)) {
    for (const topic of request.args) client.topics.delete(String(topic));
    answer('unsubscribe', true, '');
    return;
  }
  answer(String(request?.op ?? ''), false, 'error:unknown request');
}

function parse(text: string): Request | undefined {
  try {
    return JSON.parse(text) as Request;
  } catch {
    return undefined;
  }
}

type Answer = (success: boolean, message: string) => void;

/** `GET/realtime` and a time that lies ahead are signed (https://bybit-exchange.github.io/docs/v5/websocket/wss-authentication). */
function login(client: Client, args: unknown, desk: Desk, answer: Answer): void {
  const fail = (message: string): void => {
    answer(false, message);
    if (desk.faults.questions.closesOnRefusedLogin) client.link.close(1000, 'auth failed');
  };
  const [name, expires, sign] = Array.isArray(args) ? (args as unknown[]) : [];
  if (typeof name !== 'string' || typeof sign !== 'string') {
    fail('Params Error');
    return;
  }
  try {
    const key = keyOn(desk, name, client.environment);
    checkKey(key, '127.0.0.1', desk.now());
    if (!(Number(expires) > desk.now())) {
      fail('Request expired');
      return;
    }
    if (sign !== hex(key.secret, `GET/realtime${expires}`)) {
      desk.violate('bad-signature', 'auth');
      fail('Error sign');
      return;
    }
    client.key = key;
    answer(true, '');
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    fail(error.message);
  }
}

/** All of a request or nothing: `order` and `order.linear` do not go together. */
function subscribe(client: Client, args: unknown, answer: Answer): void {
  if (!client.key) {
    answer(false, 'Request not authorized');
    return;
  }
  const topics = Array.isArray(args) ? args.map(String) : [];
  const unknown = topics.find((topic) => !TOPICS.has(topic) && !CATEGORISED.test(topic));
  if (topics.length === 0 || unknown !== undefined) {
    answer(false, `error:handler not found,topic:${unknown ?? ''}`);
    return;
  }
  if (topics.some((topic) => topics.includes(`${topic}.linear`))) {
    answer(false, 'error:all-in-one and categorised topics in one request');
    return;
  }
  for (const topic of topics) client.topics.add(topic);
  answer(true, '');
}

export function pushes(event: EngineEvent, client: Client, desk: Desk): Push[] {
  const { engine } = desk;
  switch (event.kind) {
    case 'order':
      return [...frames(client, desk, 'order', [orderPush(event.order)]), ...filledTwice(client, desk, event.order)];
    case 'fill':
      return frames(client, desk, 'execution', [
        {
          category: 'linear',
          isLeverage: '',
          execPnl: event.fill.realised.toFixed(),
          marketUnit: '',
          ...fillRow(event.fill, engine),
        },
      ]);
    case 'position': {
      const { avgPrice, ...row } = positionRow(engine, event.position.account, event.position);
      const liqPrice = event.position.amount.isZero() ? '0' : row.liqPrice;
      return frames(client, desk, 'position', [{ ...row, entryPrice: avgPrice, liqPrice, category: 'linear' }]);
    }
    case 'account':
      return frames(client, desk, 'wallet', [walletRow(engine, event.account)]);
    case 'adl':
      return [];
  }
}

function orderPush(order: Order): Record<string, unknown> {
  return {
    category: 'linear',
    ...orderRow(order),
    closedPnl: order.realised.toFixed(),
    parentOrderLinkId: '',
    feeCurrency: '',
    rpi: false,
  };
}

function filledTwice(client: Client, desk: Desk, order: Order): Push[] {
  if (!desk.faults.pushes.doublesFilled || order.status !== 'filled') return [];
  return frames(client, desk, 'order', [
    { ...orderPush(order), cancelType: 'CancelByUser', rejectReason: 'EC_OrigClOrdIDDoesNotExist' },
  ]);
}

/** One frame for the topic as the client subscribed it. */
function frames(client: Client, desk: Desk, topic: string, data: readonly unknown[]): Push[] {
  const wanted = [topic, `${topic}.linear`].filter((name) => client.topics.has(name));
  return wanted.map((name) => ({
    topic: name,
    text: JSON.stringify({ id: `${client.key?.account.uid}_${desk.engine.next()}`, topic: name, creationTime: desk.now(), data }),
  }));
}
