import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { constants, createGzip, type Gzip } from 'node:zlib';
import { systemReason } from '../../disk/system-reason.js';
import type { Exchange } from '../../exchanges/exchange.js';
import { FailureError, UsageError } from '../../model/errors.js';
import { formatDate } from '../../model/time.js';
import { textOf, type WireEvent } from '../../tape/tape.js';
import type { WireTap } from './wire.js';

/** When a new part starts: at UTC midnight, or before a part exceeds `bytes` of text; never when absent. */
export type TapeRotation = 'day' | { readonly bytes: number } | undefined;

type TapeOptions = {
  /** `.gz` compresses; `{exchange}` is replaced, and needed with several exchanges. */
  readonly path: string;
  readonly exchanges: readonly Exchange[];
  readonly rotation: TapeRotation;
  /** Replace files that exist. */
  readonly force: boolean;
  /** Called when a tape had to end before its run. */
  readonly onFailure: (reason: string) => void;
};

const PLACEHOLDER = '{exchange}';
/** Text is written in pieces of about this size (bytes), and at least this often (ms). */
const PIECE = 64 * 1024;
const FLUSH_EVERY = 1_000;
/** A slow disk would fill the memory. A tape with more unwritten bytes than this ends, complete up to there. */
const MAX_UNWRITTEN = 128 * 1024 * 1024;

/** Records the events of the wire, one tape per exchange. Throws a `UsageError` when a file exists. */
export class TapeWriter implements WireTap {
  readonly #tapes: ReadonlyMap<string, ExchangeTape>;
  readonly #timer: NodeJS.Timeout;

  constructor(options: TapeOptions) {
    const { path, exchanges } = options;
    if (exchanges.length > 1 && !path.includes(PLACEHOLDER))
      throw new UsageError(`--tape ${path}: a tape holds one exchange; with several exchanges put ${PLACEHOLDER} into the name`);
    this.#tapes = new Map(exchanges.map(({ id }) => [id, new ExchangeTape(id, options)]));
    this.#timer = setInterval(() => this.#flush(), FLUSH_EVERY).unref();
  }

  event({ id }: Exchange, event: WireEvent): void {
    this.#tapes.get(id)?.write(event);
  }

  /** Bytes of text written so far. */
  get bytes(): number {
    return [...this.#tapes.values()].reduce((sum, tape) => sum + tape.bytes, 0);
  }

  /** Resolves when everything is on disk. Throws a `FailureError` that names the path. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const tape of this.#tapes.values()) await tape.close();
  }

  #flush(): void {
    for (const tape of this.#tapes.values()) tape.flush();
  }
}

/** The tape of one exchange, in one part or several. */
class ExchangeTape {
  bytes = 0;
  readonly #id: string;
  readonly #options: TapeOptions;
  /** Id that ties the parts together: connections continue from one to the next. */
  readonly #recording = randomUUID();
  readonly #open = new Map<string, string>();
  #part: TapePart | undefined;
  #parts = 0;
  #day = '';
  #hasFailed = false;
  #closing: Promise<void>[] = [];

  constructor(id: string, options: TapeOptions) {
    this.#id = id;
    this.#options = options;
    if (options.rotation === undefined) refuseExisting(this.#pathOf(0), options.force);
  }

  write(event: WireEvent): void {
    if (this.#hasFailed) return;
    const line = `${lineOf(event)}\n`;
    const part = this.#partFor(event.at, line.length);
    part.write(line);
    this.bytes += line.length;
    if (event.kind === 'connect') this.#open.set(event.connection, event.url);
    else if (event.kind === 'close') this.#open.delete(event.connection);
    if (part.unwritten > MAX_UNWRITTEN) this.#fail(`${part.path}: the disk cannot keep up`);
  }

  flush(): void {
    this.#part?.flush();
  }

  async close(): Promise<void> {
    if (this.#part) this.#closing.push(this.#part.close());
    this.#part = undefined;
    await Promise.all(this.#closing.splice(0));
  }

  #partFor(at: number, size: number): TapePart {
    const { rotation } = this.#options;
    const day = rotation === 'day' ? formatDate(at) : '';
    const isFull = typeof rotation === 'object' && this.#part !== undefined && this.#part.bytes + size > rotation.bytes;
    if (this.#part && day === this.#day && !isFull) return this.#part;
    if (this.#part) this.#closing.push(this.#part.close().catch((error: Error) => this.#fail(error.message)));
    this.#day = day;
    this.#parts += 1;
    const path = this.#pathOf(at);
    this.#part = new TapePart(path, this.#options.force, (reason) => this.#fail(reason));
    const header = { tape: 1, exchange: this.#id, recording: this.#recording, part: this.#parts };
    this.#part.write(`${JSON.stringify(header)}\n`);
    // A part can be replayed without the parts before it. It therefore lists the connections that are open at its start.
    for (const [connection, url] of this.#open)
      this.#part.write(`${JSON.stringify({ at, connection: Number(connection), connect: url, continued: true })}\n`);
    return this.#part;
  }

  /** `bitget.ndjson.gz`; with rotation `bitget-20261121T000000-2.ndjson.gz`. */
  #pathOf(at: number): string {
    const path = this.#options.path.replaceAll(PLACEHOLDER, this.#id);
    if (this.#options.rotation === undefined) return path;
    const [, stem = path, extension = ''] = /^(.*?)((?:\.tape)?(?:\.ndjson)?(?:\.gz)?)$/.exec(path) ?? [];
    const time = new Date(Math.floor(at / 1000)).toISOString().replace(/[-:]|\..*/g, '');
    return `${stem}-${time}-${this.#parts}${extension}`;
  }

  #fail(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFailure(`the tape ended early: ${reason}`);
  }
}

/** One file. */
class TapePart {
  readonly path: string;
  bytes = 0;
  readonly #file: WriteStream;
  readonly #gzip: Gzip | undefined;
  #text = '';

  constructor(path: string, force: boolean, onFailure: (reason: string) => void) {
    this.path = path;
    this.#file = createWriteStream(path, { flags: force ? 'w' : 'wx' });
    this.#file.on('error', (error) => onFailure(`${path}: ${systemReason(error)}`));
    this.#gzip = path.endsWith('.gz') ? createGzip() : undefined;
    this.#gzip?.pipe(this.#file);
  }

  /** Bytes that are not on disk yet. */
  get unwritten(): number {
    return (this.#gzip?.writableLength ?? 0) + this.#file.writableLength;
  }

  write(line: string): void {
    this.#text += line;
    this.bytes += line.length;
    if (this.#text.length >= PIECE) this.#writeOut();
  }

  /** Makes written text readable, in a compressed tape too, even when the process is killed. */
  flush(): void {
    if (this.#text === '') return;
    this.#writeOut();
    this.#gzip?.flush(constants.Z_SYNC_FLUSH);
  }

  async close(): Promise<void> {
    this.#writeOut();
    (this.#gzip ?? this.#file).end();
    try {
      await finished(this.#file);
    } catch (error) {
      throw new FailureError(`cannot write ${this.path}: ${systemReason(error)}`, { cause: error });
    }
  }

  #writeOut(): void {
    if (this.#text !== '') (this.#gzip ?? this.#file).write(this.#text);
    this.#text = '';
  }
}

function lineOf(event: WireEvent): string {
  const { at } = event;
  if (event.kind === 'http') return JSON.stringify({ at, http: event.url, status: event.status, body: event.body });
  const connection = Number(event.connection);
  if (event.kind === 'frame') return `{"at":${at},"connection":${connection},"frame":${JSON.stringify(textOf(event.content))}}`;
  if (event.kind === 'sent') return JSON.stringify({ at, connection, sent: event.text });
  if (event.kind === 'connect') return JSON.stringify({ at, connection, connect: event.url });
  return JSON.stringify({ at, connection, close: event.code });
}

function refuseExisting(path: string, force: boolean): void {
  if (!force && existsSync(path)) throw new UsageError(`--tape ${path} already exists; use --force to replace it`);
}
