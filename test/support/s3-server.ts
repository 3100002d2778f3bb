import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An object as the server keeps it. */
type Kept = { readonly body: Buffer; readonly etag: string; readonly changedAt: number; readonly meta: Record<string, string> };

/** What the server does with one request instead of, or after, serving it. */
export type Fault =
  /** Answers with a status and an S3 code. */
  | { readonly status: number; readonly code: string }
  /** Serves the request and closes the connection without an answer. */
  | 'lost answer'
  /** Sends half of the body. */
  | 'cut body';

export type S3Request = {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
};

type S3ServerOptions = {
  /** Decides what goes wrong with a request. */
  readonly fault?: (request: S3Request) => Fault | undefined;
  /** The defect of s3rver: conditional headers are read over. `lacking` is that of Swift: 501. */
  readonly conditions?: 'kept' | 'ignored' | 'lacking';
  /** The server's clock minus this machine's, milliseconds. */
  readonly skew?: number;
  readonly pageSize?: number;
};

const BUCKET = 'market';
const ACCESS = { AWS_ACCESS_KEY_ID: 'TESTKEYID', AWS_SECRET_ACCESS_KEY: 'test-secret-canary', AWS_REGION: 'us-east-1' };
/** S3 refuses requests that were signed this far from its own time. */
const MOST_SKEW_MS = 15 * 60_000;

/**
 * An S3 server in this process, written from the documents of S3: conditional writes, listings in pages, parts, copies,
 * the digest of the body. It does not check signatures; the tests against a real server do.
 */
export class S3Server {
  readonly objects = new Map<string, Kept>();
  readonly requests: S3Request[] = [];
  options: S3ServerOptions;
  readonly #server: Server;
  readonly #uploads = new Map<string, Map<number, Buffer>>();

  private constructor(server: Server, options: S3ServerOptions) {
    this.#server = server;
    this.options = options;
  }

  static async start(options: S3ServerOptions = {}): Promise<S3Server> {
    const server = createServer((request, response) => void own.#serve(request, response));
    const own = new S3Server(server, options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return own;
  }

  /** Variables that point mdtool at this server. */
  get environment(): Record<string, string> {
    return { ...ACCESS, MDTOOL_S3_ENDPOINT: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` };
  }

  get bucket(): string {
    return BUCKET;
  }

  keys(prefix = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://host');
    const [, bucket, ...rest] = url.pathname.split('/');
    const key = decodeURIComponent(rest.join('/'));
    const request: S3Request = { method: incoming.method ?? '', key, query: url.searchParams, headers: incoming.headers };
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    this.requests.push(request);
    response.setHeader('date', new Date(this.#now()).toUTCString());
    const fault = this.options.fault?.(request);
    if (typeof fault === 'object') return refuse(response, fault.status, fault.code);
    if (bucket !== BUCKET) return refuse(response, 404, 'NoSuchBucket');
    const refusal = this.#refusal(request, Buffer.concat(chunks));
    if (refusal) return refuse(response, ...refusal);
    const answer = this.#answer(request, Buffer.concat(chunks));
    if (fault === 'lost answer') return void response.destroy();
    response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
    if (fault === 'cut body')
      return void response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy());
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  #now(): number {
    return Date.now() + (this.options.skew ?? 0);
  }

  #refusal({ headers }: S3Request, body: Buffer): [number, string] | undefined {
    const signed = String(headers['x-amz-date'] ?? '').replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    if (!headers.authorization?.includes(`Credential=${ACCESS.AWS_ACCESS_KEY_ID}/`)) return [403, 'AccessDenied'];
    if (Math.abs(Date.parse(signed) - this.#now()) > MOST_SKEW_MS) return [403, 'RequestTimeTooSkewed'];
    const digest = createHash('sha256').update(body).digest('hex');
    return headers['x-amz-content-sha256'] === digest ? undefined : [400, 'XAmzContentSHA256Mismatch'];
  }

  #answer(request: S3Request, body: Buffer): Answer {
    const { method, key, query } = request;
    if (key === '') return this.#list(query);
    if (method === 'POST' && query.has('uploads')) {
      const id = randomBytes(8).toString('hex');
      this.#uploads.set(id, new Map());
      return xml(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (query.has('uploadId')) return this.#part(request, body);
    if (method === 'PUT') return this.#put(request, this.#copied(request) ?? body);
    if (method === 'DELETE') {
      this.objects.delete(key);
      return { status: 204, headers: {}, body: Buffer.alloc(0) };
    }
    const kept = this.objects.get(key);
    if (!kept) return xml(404, '<Error><Code>NoSuchKey</Code></Error>');
    const headers = { etag: kept.etag, 'last-modified': new Date(kept.changedAt).toUTCString(), ...kept.meta };
    return { status: 200, headers, body: kept.body };
  }

  #copied({ headers }: S3Request): Buffer | undefined {
    const source = headers['x-amz-copy-source'];
    if (source === undefined) return undefined;
    return this.objects.get(decodeURIComponent(String(source)).slice(`/${BUCKET}/`.length))?.body ?? Buffer.alloc(0);
  }

  #put({ key, headers }: S3Request, body: Buffer): Answer {
    const source = headers['x-amz-copy-source'];
    if (source !== undefined && !this.objects.has(decodeURIComponent(String(source)).slice(`/${BUCKET}/`.length)))
      return xml(404, '<Error><Code>NoSuchKey</Code></Error>');
    const known = this.objects.get(key);
    const { conditions = 'kept' } = this.options;
    const isConditional = headers['if-none-match'] !== undefined || headers['if-match'] !== undefined;
    if (isConditional && conditions === 'lacking') return xml(501, '<Error><Code>NotImplemented</Code></Error>');
    if (conditions === 'kept' && headers['if-none-match'] === '*' && known)
      return xml(412, '<Error><Code>PreconditionFailed</Code></Error>');
    if (conditions === 'kept' && headers['if-match'] !== undefined && headers['if-match'] !== known?.etag)
      return xml(known ? 412 : 404, `<Error><Code>${known ? 'PreconditionFailed' : 'NoSuchKey'}</Code></Error>`);
    const meta = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-')));
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    this.objects.set(key, { body, etag, changedAt: this.#now(), meta: meta as Record<string, string> });
    return { status: 200, headers: { etag }, body: Buffer.alloc(0) };
  }

  #part(request: S3Request, body: Buffer): Answer {
    const { method, query } = request;
    const parts = this.#uploads.get(query.get('uploadId') ?? '');
    if (!parts) return xml(404, '<Error><Code>NoSuchUpload</Code></Error>');
    if (method === 'PUT') {
      parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` }, body: Buffer.alloc(0) };
    }
    this.#uploads.delete(query.get('uploadId') ?? '');
    if (method === 'DELETE') return { status: 204, headers: {}, body: Buffer.alloc(0) };
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(
      ([, number]) => parts.get(Number(number)) ?? Buffer.alloc(0),
    );
    const { status, body: text } = this.#put(request, Buffer.concat(named));
    return status === 200
      ? xml(200, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
      : { status, headers: {}, body: text };
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    const after = query.get('continuation-token') ?? '';
    const shown = this.keys(prefix).map((key) => {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? key : key.slice(0, end + 1);
    });
    const left = [...new Set(shown)].filter((key) => key > after);
    const page = left.slice(0, this.options.pageSize ?? 1000);
    const rows = page.map((key) => {
      const kept = this.objects.get(key);
      if (!kept) return `<CommonPrefixes><Prefix>${escaped(key)}</Prefix></CommonPrefixes>`;
      const changed = new Date(kept.changedAt).toISOString();
      return `<Contents><Key>${escaped(key)}</Key><LastModified>${changed}</LastModified><Size>${kept.body.length}</Size></Contents>`;
    });
    const isCut = left.length > page.length;
    const next = isCut ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : '';
    return xml(200, `<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${next}${rows.join('')}</ListBucketResult>`);
  }
}

type Answer = { readonly status: number; readonly headers: Record<string, string>; readonly body: Buffer };

function xml(status: number, text: string): Answer {
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(`<?xml version="1.0"?>${text}`) };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign);
}
