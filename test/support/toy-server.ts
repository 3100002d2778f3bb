import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BookRow } from './toy-exchange/book.js';

export const SYMBOL = 'BTC-USDT';
const CONTRACT = '0.001';

type Side = 'bids' | 'asks';
type SentTrade = {
  readonly id: string;
  readonly at: number;
  readonly price: string;
  readonly contracts: number;
  readonly side: string;
};

/** The update whose message is lost on the way, after which the client must ask for the whole book. */
const LOST = 60;
/** After so many updates everything is silent for longer than a connection may be. */
const SILENT_FROM = 120;
const SILENCE = 1_200;
const LAST = 130;
const STEP = 20;

/**
 * A small exchange: an instrument list and whole books over REST, trades and book updates over WebSocket. Its first whole
 * book is older than the first update of the subscription, one update is lost, and then it is silent.
 */
export class ToyServer {
  /** Every state of the book by its update, contracts by price. */
  readonly books = new Map<number, Record<Side, ReadonlyMap<string, number>>>();
  readonly trades: SentTrade[] = [];
  readonly texts: string[] = [];
  connections = 0;
  pings = 0;
  bookRequests = 0;
  /** Resolves when everything has been sent. */
  readonly done: Promise<void>;
  #finish: () => void = () => {};
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #book = { bids: new Map<string, number>(), asks: new Map<string, number>() };
  #update = 100;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor() {
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (let level = 0; level < 8; level += 1) {
      this.#book.bids.set((99.9 - level / 10).toFixed(1), 10 + level);
      this.#book.asks.set((100.1 + level / 10).toFixed(1), 20 + level);
    }
    this.#remember();
    this.#http = createServer(({ url = '' }, response) => {
      const { pathname } = new URL(url, 'http://toy');
      // The state is that of the request, and the answer is on its way for some updates.
      const answer = pathname === '/book' ? this.#wholeBook() : INSTRUMENTS;
      setTimeout(() => response.end(JSON.stringify(answer)), 50);
    });
    this.#sockets = new WebSocketServer({ server: this.#http });
    this.#sockets.on('connection', (socket) => this.#accept(socket));
  }

  static async start(): Promise<ToyServer> {
    const server = new ToyServer();
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#sockets.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #accept(socket: WebSocket): void {
    this.connections += 1;
    this.#socket = socket;
    socket.on('ping', () => {
      this.pings += 1;
    });
    socket.on('message', (data) => {
      this.texts.push(String(data));
      const { args } = JSON.parse(String(data)) as { args: string[] };
      for (const topic of args) socket.send(JSON.stringify({ event: 'subscribed', topic }));
      this.#timer ??= setTimeout(() => this.#step(), 10);
    });
  }

  #step(): void {
    this.#change();
    if (this.#update % 3 === 0) this.#trade();
    const count = this.#update - 100;
    if (count < LAST) this.#timer = setTimeout(() => this.#step(), count === SILENT_FROM ? SILENCE : STEP);
    else this.#finish();
  }

  #change(): void {
    const number = this.#update + 1;
    const side: Side = number % 2 === 0 ? 'bids' : 'asks';
    const level = number % 8;
    const price = (side === 'bids' ? 99.9 - level / 10 : 100.1 + level / 10).toFixed(1);
    const contracts = number % 5 === 0 ? 0 : (number * 7) % 31;
    if (contracts === 0) this.#book[side].delete(price);
    else this.#book[side].set(price, contracts);
    this.#update = number;
    this.#remember();
    const data: BookRow = { at: Date.now(), first: number, last: number, bids: [], asks: [], [side]: [[price, contracts]] };
    if (number - 100 !== LOST) this.#socket?.send(JSON.stringify({ topic: `book.${SYMBOL}`, data }));
  }

  #trade(): void {
    const id = String(this.trades.length + 1);
    const side = this.#update % 2 === 0 ? 'buy' : 'sell';
    const trade = { id, at: Date.now(), price: '100.1', contracts: this.#update % 9, side };
    if (trade.contracts === 0) return;
    this.trades.push(trade);
    this.#socket?.send(JSON.stringify({ topic: `trades.${SYMBOL}`, data: [trade] }));
  }

  #remember(): void {
    this.books.set(this.#update, { bids: new Map(this.#book.bids), asks: new Map(this.#book.asks) });
  }

  #wholeBook(): BookRow {
    this.bookRequests += 1;
    const last = this.bookRequests === 1 ? 100 - 1 : this.#update;
    const { bids, asks } = this.#book;
    return { at: Date.now(), last, bids: [...bids], asks: [...asks] };
  }
}

const INSTRUMENTS = { instruments: [{ name: SYMBOL, base: 'BTC', quote: 'USDT', contract: CONTRACT, tick: '0.1' }] };
