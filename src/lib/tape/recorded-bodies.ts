import type { HttpRequest } from '../exchanges/exchange.js';
import type { TapeEntry } from './tape.js';
import { openTape } from './tape-reader.js';

type Body = { readonly body: string; readonly at: number };

/** Parameters that determine the content of an answer. */
const DECISIVE = ['category', 'productType', 'symbol', 'cursor'];

/** REST answers on the tapes of one exchange; for the same request the later line wins. */
export class RecordedBodies {
  readonly #exact = new Map<string, Body>();
  readonly #similar = new Map<string, Body>();

  add(url: URL, body: Body): void {
    this.#exact.set(exactKey(url.pathname, url.searchParams), body);
    this.#similar.set(similarKey(url.pathname, url.searchParams), body);
  }

  /** Returns the answer to this request, else to one that differs only in parameters without influence on the content. */
  find({ path, query }: HttpRequest): Body | undefined {
    const parameters = new URLSearchParams(query);
    return this.#exact.get(exactKey(path, parameters)) ?? this.#similar.get(similarKey(path, parameters));
  }
}

/** REST answers on the tapes of one exchange; `broken` has one text per unreadable line. */
export type Recording = { readonly path: string; readonly bodies: RecordedBodies; readonly broken: string[] };

/** Reads tapes to the end and returns their REST answers, by exchange. */
export async function readRecordings(paths: readonly string[]): Promise<ReadonlyMap<string, Recording>> {
  const recordings = new Map<string, Recording>();
  for (const path of paths) {
    const { header, batches } = await openTape(path);
    const recording = recordings.get(header.exchange) ?? { path, bodies: new RecordedBodies(), broken: [] };
    recordings.set(header.exchange, recording);
    for await (const entries of batches) {
      for (const entry of entries) add(recording, entry);
    }
  }
  return recordings;
}

function add({ bodies, broken }: Recording, entry: TapeEntry): void {
  if (entry.kind === 'broken') broken.push(entry.sentence);
  else if (entry.kind === 'http' && entry.status === 200 && URL.canParse(entry.url)) bodies.add(new URL(entry.url), entry);
}

function exactKey(path: string, parameters: URLSearchParams): string {
  const sorted = [...parameters].filter(([name]) => name !== '' && name !== 'limit').sort(([a], [b]) => (a < b ? -1 : 1));
  return `${path}?${new URLSearchParams(sorted)}`.toUpperCase();
}

function similarKey(path: string, parameters: URLSearchParams): string {
  return [path, ...DECISIVE.map((name) => parameters.get(name) ?? '')].join(' ').toUpperCase();
}
