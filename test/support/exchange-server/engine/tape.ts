import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Listing, MARKETS, type Market } from '../market/listing.js';
import type { Exchange, Topic } from './exchange.js';
import type { RestAnswer } from './rest.js';
import type { Session } from './session.js';

type TapeFrame = { readonly at: number; readonly path: string; readonly key: string; readonly text: string };
type TapeAnswer = { readonly url: URL; readonly answer: RestAnswer };

/** A recorded tape that plays its frames, in order and at its pace, to those who subscribed their topics. */
export class Tape {
  readonly exchange: string;
  /** The symbols it has frames of. */
  readonly listings: readonly Listing[];
  readonly #frames: TapeFrame[] = [];
  readonly #keys = new Set<string>();
  readonly #answers: TapeAnswer[] = [];
  readonly #decisive: readonly string[];
  readonly #speed: number;
  #next = 0;
  #elapsed = 0;

  /** Reads a tape, gzip or not. `speed` times the recorded pace. */
  constructor(path: string, exchange: Exchange, speed: number) {
    const bytes = readFileSync(path);
    const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();
    const [header = '{}', ...lines] = text.trimEnd().split('\n');
    this.exchange = String((JSON.parse(header) as Line).exchange);
    if (this.exchange !== exchange.id) throw new Error(`expected a tape of ${exchange.id}, was one of ${this.exchange}`);
    this.#decisive = exchange.rest.decisive;
    this.#speed = speed;
    const paths = new Map<unknown, string>();
    for (const line of lines) this.#read(JSON.parse(line) as Line, paths, exchange);
    this.listings = listingsOf(this.#keys, exchange);
  }

  get isOver(): boolean {
    return this.#next === this.#frames.length;
  }

  has(path: string, topic: Topic): boolean {
    return this.#keys.has(`${path} ${topic.key}`);
  }

  /** Returns the recorded answer to a request: path and the parameters that decide content are equal. */
  answer(path: string, query: URLSearchParams): RestAnswer | undefined {
    const same = ({ url }: TapeAnswer): boolean =>
      url.pathname === path && this.#decisive.every((name) => url.searchParams.get(name) === query.get(name));
    return this.#answers.find(same)?.answer;
  }

  /** Sends a new subscriber all that was played of its topic, so that whoever comes late misses nothing. */
  catchUp(session: Session, topic: Topic): void {
    for (const { path, key, text } of this.#frames.slice(0, this.#next)) {
      if (path === session.path && key === topic.key) session.data(text);
    }
  }

  /** Plays what falls into the next milliseconds. */
  play(milliseconds: number, sessions: Iterable<Session>): void {
    this.#elapsed += milliseconds * 1_000 * this.#speed;
    const until = (this.#frames[0]?.at ?? 0) + this.#elapsed;
    const listening = [...sessions];
    while (!this.isOver && (this.#frames[this.#next] as TapeFrame).at <= until) {
      const { path, key, text } = this.#frames[this.#next] as TapeFrame;
      this.#next += 1;
      for (const session of listening) if (session.path === path && session.topics.has(key)) session.data(text);
    }
  }

  #read(line: Line, paths: Map<unknown, string>, exchange: Exchange): void {
    if (typeof line.connect === 'string') paths.set(line.connection, new URL(line.connect).pathname);
    if (typeof line.http === 'string') {
      this.#answers.push({ url: new URL(line.http), answer: { status: line.status ?? 200, body: line.body ?? '' } });
    }
    const path = paths.get(line.connection);
    if (typeof line.frame !== 'string' || path === undefined) return;
    const key = exchange.protocols.get(path)?.keyOf(line.frame);
    if (key === undefined) return;
    this.#frames.push({ at: line.at, path, key, text: line.frame });
    this.#keys.add(`${path} ${key}`);
  }
}

type Line = {
  readonly exchange?: string;
  readonly at: number;
  readonly connection?: unknown;
  readonly connect?: string;
  readonly frame?: string;
  readonly http?: string;
  readonly status?: number;
  readonly body?: string;
};

function listingsOf(keys: Iterable<string>, exchange: Exchange): Listing[] {
  const listings = new Map<string, Listing>();
  for (const key of keys) {
    for (const market of marketsOf(key)) {
      const symbol = /[.:/ ]([A-Z0-9-]+)$/.exec(key)?.[1] ?? '';
      const listing = exchange.listingOf(market, symbol);
      if (listing) listings.set(`${market} ${symbol}`, listing);
    }
  }
  return [...listings.values()];
}

function marketsOf(key: string): readonly Market[] {
  if (/\/spot | SPOT/i.test(key)) return ['spot'];
  if (/inverse|coin-futures/i.test(key)) return ['inverse'];
  return MARKETS.slice(1, 2);
}
