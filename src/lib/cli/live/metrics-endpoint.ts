import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { FailureError, UsageError } from '../../model/errors.js';

export type MetricsAddress = { readonly host: string; readonly port: number };

const TEXT = 'text/plain; charset=utf-8';

/** Default metrics of the client that are gauges with the name of a counter: `promtool check metrics` refuses them. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** What an endpoint shows. */
type MetricsSource = {
  readonly client: typeof import('prom-client');
  readonly registry: Registry;
  readonly version: string;
  /** Brings the metrics up to date; called before each answer. */
  readonly collect: () => Promise<void> | void;
  /** Returns what the process still waits for; undefined when it is ready. */
  readonly pending: () => string | undefined;
};

/** Returns the address of `127.0.0.1:9464`, `:9464` or `9464`. Throws a `UsageError`. */
export function parseMetricsAddress(text: string): MetricsAddress {
  const [, host, digits] = /^(?:(.*):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) throw new UsageError(`expected an address such as 127.0.0.1:9464, was "${text}"`);
  return { host: host ? host.replace(/^\[(.*)\]$/, '$1') : '127.0.0.1', port };
}

/** Serves `/metrics` for Prometheus, `/healthz` (200 while the process lives) and `/readyz` (503 while something is pending). */
export class MetricsEndpoint {
  readonly #server: Server;

  private constructor(source: MetricsSource) {
    this.#server = createServer((request, response) => {
      // A store that cannot be read must cost an answer, not the capture: an error that nobody catches ends the process.
      const failure = (error: Error) => ({ status: 500, type: TEXT, body: `${error.message}\n` });
      void answer(source, request.url ?? '/')
        .catch(failure)
        .then(({ status, type, body }) => {
          response.writeHead(status, { 'content-type': type });
          response.end(body);
        });
    });
  }

  /** Starts a server. Throws a `FailureError` if it cannot listen on the address. */
  static async listen({ host, port }: MetricsAddress, source: MetricsSource): Promise<MetricsEndpoint> {
    const { client, registry, version } = source;
    client.collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    const registers = [registry];
    new client.Gauge({
      name: 'mdtool_build_info',
      help: 'Version of mdtool; always 1.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    const endpoint = new MetricsEndpoint(source);
    await new Promise<void>((resolve, reject) => {
      endpoint.#server.once('error', (error) => {
        reject(new FailureError(`--metrics ${host}:${port}: cannot listen (${error.message})`, { cause: error }));
      });
      endpoint.#server.listen(port, host, resolve);
    });
    // The server must not keep an ended run alive.
    endpoint.#server.unref();
    return endpoint;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function answer(source: MetricsSource, url: string): Promise<{ status: number; type: string; body: string }> {
  const [path] = url.split('?');
  if (path === '/metrics') {
    await source.collect();
    return { status: 200, type: source.registry.contentType, body: await source.registry.metrics() };
  }
  if (path === '/healthz') return { status: 200, type: TEXT, body: 'ok\n' };
  if (path !== '/readyz') return { status: 404, type: TEXT, body: 'expected /metrics, /healthz or /readyz\n' };
  const pending = source.pending();
  return pending === undefined ? { status: 200, type: TEXT, body: 'ready\n' } : { status: 503, type: TEXT, body: `${pending}\n` };
}
