import WebSocket from 'ws';
import type { ExchangeServer } from '../../support/exchange-server/index.js';

/** What a test sees of a frame; only what is looked at is named. */
export type Wire = {
  readonly event?: string;
  readonly code?: number;
  readonly op?: string;
  readonly success?: boolean;
  readonly ret_msg?: string;
  readonly req_id?: string;
  readonly action?: string;
  readonly type?: string;
  readonly topic?: string;
  readonly arg?: Readonly<Record<string, string>>;
  readonly data?: unknown;
};

/** A WebSocket client that knows nothing: sends texts, keeps what comes. */
export class WireClient {
  readonly texts: string[] = [];
  readonly binaries: Buffer[] = [];
  closed: number | undefined;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.binaries.push(data as Buffer);
      else this.texts.push(String(data));
    });
    socket.on('close', (code) => {
      this.closed = code;
    });
    socket.on('error', () => {});
  }

  /** Connects; throws `HTTP <status>` where the server turns it away, another error where it cuts. */
  static async connect(server: ExchangeServer, path: string): Promise<WireClient> {
    const socket = new WebSocket(server.wsUrl + path, { perMessageDeflate: false });
    const client = new WireClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode}`)));
    });
    return client;
  }

  /** The frames that are JSON objects. */
  get frames(): Wire[] {
    return this.texts.filter((text) => text.startsWith('{') && text.endsWith('}')).map((text) => JSON.parse(text) as Wire);
  }

  /** Frames with rows, of one topic (`arg` values or `topic`) where it is given. */
  data(topic?: string): Wire[] {
    return this.frames.filter((frame) => frame.data !== undefined && (topic === undefined || nameOf(frame) === topic));
  }

  send(message: object | string): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  sendBinary(): void {
    this.#socket.send(Buffer.from([1, 2, 3]));
  }

  /** Stops reading from the network. */
  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.terminate();
  }

  /** Waits until something holds; throws after 45 s. */
  async until(holds: (client: this) => boolean): Promise<void> {
    await until(() => holds(this));
  }

  /** Sends and waits for as many more texts. */
  async ask(message: object | string, answers = 1): Promise<Wire[]> {
    const before = this.texts.length;
    this.send(message);
    await this.until(() => this.texts.length >= before + answers);
    return this.frames.slice(-answers);
  }

  /** Waits until the server has answered a ping sent now: whatever it sent before has arrived. */
  async settle(ping: object | string): Promise<void> {
    const isPong = (text: string): boolean => text === 'pong' || text.includes('"pong"');
    const before = this.texts.filter(isPong).length;
    this.send(ping);
    await this.until(() => this.texts.filter(isPong).length > before);
  }
}

/** Returns the topic of a data frame: Bybit's, or Bitget's `instType channel instId`. */
export function nameOf({ topic, arg }: Wire): string | undefined {
  return arg ? Object.values(arg).join(' ') : topic;
}

export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 45_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('waited 45 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Returns a v2 subscribe (or other) message. */
export function bitget(op: string, ...args: readonly (readonly [instType: string, channel: string, instId: string])[]): object {
  return { op, args: args.map(([instType, channel, instId]) => ({ instType, channel, instId })) };
}

/** Returns a v5 subscribe (or other) message. */
export function bybit(op: string, req_id: string, ...args: readonly string[]): object {
  return { op, req_id, args };
}

/** Returns status and JSON of a GET. */
export async function get(server: ExchangeServer, path: string): Promise<{ status: number; text: string; body: Body }> {
  const response = await fetch(server.restUrl + path);
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith('{') ? (JSON.parse(text) as Body) : ({} as Body) };
}

export type Row = Readonly<Record<string, string>>;

/** What a test looks at in either exchange's envelope. */
export type Body = {
  readonly code: string;
  readonly data: Row[] & string[][] & { openInterestList: Row[]; list: Row[]; resultList: Row[] };
  readonly retCode: number;
  readonly retMsg: string;
  readonly result: { readonly list: Row[] & string[][]; readonly nextPageCursor: string };
};
