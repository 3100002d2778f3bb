/**
 * A socket that pours Bybit frames of trades or book deltas, all different, as fast as asked or as fast as they are taken: so cheap that it
 * is the client that is measured. Frames are written by hand into one buffer; those of one turn go out in one piece
 * (`burst`), or each in a write of its own, as an exchange sends them (`single`).
 */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type FeedOptions = {
  readonly symbols: readonly string[];
  /** Frames per second over all connections; 0 for as fast as they are taken. */
  readonly rate: number;
  readonly shape: 'burst' | 'single';
};

export type Feed = { readonly url: string; readonly sent: number; start(): void; stop(): void; close(): Promise<void> };

const TURN_MS = 5;
/** Frames that go out in one turn at most, where no rate is asked for. */
const PIECE = 500;
/** Bytes that may wait in a connection before it is passed over. */
const MOST_WAITING = 1 << 20;

/** Numbers of levels that a book has on each side, and that a delta changes on each. */
const LEVELS = 50;
const CHANGED = 3;

/** One frame with room for its digits: the header of an unmasked text frame of 126 to 65,535 bytes, and its places. */
abstract class Template {
  protected readonly bytes: Buffer;

  constructor(text: string) {
    this.bytes = Buffer.concat([Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), Buffer.from(text)]);
  }

  /** Returns the frame of this number; the next one overwrites it. */
  abstract fill(number: number, now: number): Buffer;

  protected after(mark: string): number {
    return this.bytes.indexOf(mark) + mark.length;
  }

  protected digits(at: number, count: number, value: number): void {
    let rest = value;
    for (let place = at + count - 1; place >= at; place--) {
      const next = Math.floor(rest / 10);
      this.bytes[place] = 48 + rest - next * 10;
      rest = next;
    }
  }
}

class TradeFrame extends Template {
  readonly #places: readonly number[];

  constructor(topic: string, symbol: string) {
    super(
      `{"topic":"${topic}","type":"snapshot","ts":1764000000000,"data":[{"T":1764000000000,"s":"${symbol}","S":"Buy","v":"0.004","p":"90000.10","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb000000","BT":false,"RPI":false,"seq":10000000000}]}`,
    );
    this.#places = [this.after('"ts":'), this.after('"T":'), this.after('"i":"') + 24, this.after('"p":"'), this.after('"seq":')];
  }

  fill(number: number, now: number): Buffer {
    const [push = 0, time = 0, id = 0, price = 0, sequence = 0] = this.#places;
    this.digits(push, 13, now);
    this.digits(time, 13, now - 3);
    this.digits(id, 12, number);
    this.digits(price, 5, 90_000 + (number % 9_999));
    this.digits(sequence, 11, 10_000_000_000 + number);
    return this.bytes;
  }
}

const level = (price: number) => `["${price}.50","100.000"]`;
const bids = (count: number) => Array.from({ length: count }, (_, n) => level(89_999 - n)).join();
const asks = (count: number) => Array.from({ length: count }, (_, n) => level(90_000 + n)).join();
const bookText = (topic: string, symbol: string, type: string, levels: number) =>
  `{"topic":"${topic}","type":"${type}","ts":1764000000000,"data":{"s":"${symbol}","b":[${bids(levels)}],"a":[${asks(levels)}],"u":1000000000,"seq":10000000000},"cts":1764000000000}`;

/** Deltas that change the amounts of some levels which the book has. */
class BookFrame extends Template {
  readonly snapshot: string;
  readonly #push: number;
  readonly #bids: number;
  readonly #asks: number;
  readonly #update: number;
  #count = 0;

  constructor(topic: string, symbol: string) {
    super(bookText(topic, symbol, 'delta', CHANGED));
    this.snapshot = bookText(topic, symbol, 'snapshot', LEVELS);
    this.#push = this.after('"ts":');
    this.#bids = this.after('"b":[');
    this.#asks = this.after('"a":[');
    this.#update = this.after('"u":');
  }

  fill(number: number, now: number): Buffer {
    this.#count += 1;
    this.digits(this.#push, 13, now);
    this.digits(this.#update, 10, 1_000_000_000 + this.#count);
    const size = level(90_000).length + 1;
    for (let n = 0; n < CHANGED; n++) {
      const place = (number * 7 + n * 13) % 16;
      this.digits(this.#bids + n * size + 2, 5, 89_999 - n * 16 - place);
      this.digits(this.#asks + n * size + 2, 5, 90_000 + n * 16 + place);
      this.digits(this.#bids + n * size + 13, 3, 1 + ((number + n) % 998));
      this.digits(this.#asks + n * size + 13, 3, 1 + ((number + 3 * n) % 998));
    }
    return this.bytes;
  }
}

type Carrier = { readonly socket: Socket; readonly templates: Template[] };

/** Starts a feed on a port of its own. A connection is sent the symbols that it subscribes. */
export async function startFeed({ symbols, rate, shape }: FeedOptions): Promise<Feed> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  const carriers: Carrier[] = [];
  const known = new Set(symbols);
  server.on('connection', (socket) => carriers.push(attach(socket, known)));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  let sent = 0;
  let isOn = false;
  let next = 0;
  let began = 0;
  let given = 0;
  const turn = () => {
    if (!isOn) return;
    const now = Date.now();
    const due = rate === 0 ? PIECE * carriers.length : Math.floor((rate * (now - began)) / 1000) - given;
    for (const carrier of carriers) {
      const { socket, templates } = carrier;
      if (socket.writableLength > MOST_WAITING || templates.length === 0) continue;
      const count = Math.ceil(due / carriers.length);
      given += count;
      const frames = Array.from({ length: count }, () => {
        const template = templates[next++ % templates.length] as Template;
        return Buffer.from(template.fill(sent++, now));
      });
      if (shape === 'single') for (const frame of frames) socket.write(frame);
      else socket.write(Buffer.concat(frames));
    }
    if (rate === 0) setImmediate(turn);
    else setTimeout(turn, TURN_MS);
  };
  return {
    url: `ws://127.0.0.1:${port}`,
    get sent() {
      return sent;
    },
    start() {
      isOn = true;
      began = Date.now();
      turn();
    },
    stop() {
      isOn = false;
    },
    async close() {
      isOn = false;
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
      http.closeAllConnections();
      http.close();
    },
  };
}

function attach(socket: WebSocket, known: ReadonlySet<string>): Carrier {
  const carrier: Carrier = { socket: (socket as WebSocket & { _socket: Socket })._socket, templates: [] };
  carrier.socket.setNoDelay(true);
  socket.on('message', (data) => {
    const request = JSON.parse(String(data)) as { op: string; args?: string[]; req_id?: string };
    if (request.op === 'ping') return socket.send('{"success":true,"ret_msg":"pong","conn_id":"1","op":"ping"}');
    socket.send(JSON.stringify({ success: true, ret_msg: '', conn_id: '1', req_id: request.req_id ?? '', op: request.op }));
    for (const topic of request.args ?? []) {
      const symbol = topic.slice(topic.lastIndexOf('.') + 1);
      if (!known.has(symbol)) continue;
      if (topic.startsWith('publicTrade.')) carrier.templates.push(new TradeFrame(topic, symbol));
      else if (topic.startsWith('orderbook.')) {
        const template = new BookFrame(topic, symbol);
        socket.send(template.snapshot);
        carrier.templates.push(template);
      }
    }
  });
  return carrier;
}
