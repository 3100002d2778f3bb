import type { Live } from '../../capture/live/live.js';
import type { WireTap } from '../../capture/live/wire.js';
import { channelOf } from '../../capture/selection.js';
import type { DataFrame } from '../../capture/session/capture.js';
import type { Exchange } from '../../exchanges/exchange.js';
import { counted } from '../../model/counted.js';
import type { WireEvent } from '../../tape/tape.js';
import { type MetricsAddress, MetricsEndpoint } from './metrics-endpoint.js';
import { StoreSizes } from './store-sizes.js';

/** Seconds, from a fast local connection to a stalled feed. */
const LAG_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/**
 * Serves the state of a capture: `/metrics` for Prometheus, `/healthz` (200 while the process lives), `/readyz` (503 until
 * every subscription is confirmed or reported).
 */
export class MetricsServer implements WireTap {
  readonly #registry: import('prom-client').Registry;
  readonly #metrics: ReturnType<typeof createMetrics>;
  #endpoint: MetricsEndpoint | undefined;
  #live: Pick<Live, 'status' | 'pools'> | undefined;
  #store: StoreSizes | undefined;

  private constructor(client: typeof import('prom-client')) {
    this.#registry = new client.Registry();
    this.#metrics = createMetrics(client, this.#registry);
  }

  /** Starts a server. Throws a `FailureError` if it cannot listen on the address. */
  static async listen(address: MetricsAddress, version: string, store?: string): Promise<MetricsServer> {
    const client = await import('prom-client');
    const metrics = new MetricsServer(client);
    metrics.#store = store === undefined ? undefined : new StoreSizes(store);
    metrics.#endpoint = await MetricsEndpoint.listen(address, {
      ...{ client, registry: metrics.#registry, version },
      collect: () => metrics.#collect(),
      pending: () => metrics.#pending(),
    });
    return metrics;
  }

  get port(): number {
    return this.#endpoint?.port ?? 0;
  }

  set live(live: Pick<Live, 'status' | 'pools'>) {
    this.#live = live;
  }

  event({ id }: Exchange, event: WireEvent): void {
    if (event.kind === 'frame') this.#metrics.bytes.inc({ exchange: id }, event.content.length);
  }

  data({ id }: Exchange, frame: DataFrame): void {
    const [event] = frame.events;
    if (!event) return;
    const channel = event.type === 'book_message' ? 'book' : (channelOf(event.type) ?? event.type);
    const now = Date.now() / 1000;
    this.#metrics.messages.inc({ exchange: id, channel });
    this.#metrics.lastMessage.set({ exchange: id, channel }, now);
    if (frame.pushTimestamp !== undefined && !frame.history)
      this.#metrics.lag.observe({ exchange: id }, Math.max(0, now - frame.pushTimestamp / 1e6));
  }

  async close(): Promise<void> {
    await this.#endpoint?.close();
  }

  #pending(): string | undefined {
    const status = this.#live?.status();
    if (status?.isReady) return undefined;
    return status ? `${counted(status.subscriptions.pending, 'subscription')} pending` : 'not subscribed yet';
  }

  /** Updates the metrics of states and of counters kept elsewhere, at each request. */
  async #collect(): Promise<void> {
    const sizes = await this.#store?.sizes();
    if (sizes) {
      this.#metrics.storeBytes.set(sizes.bytes);
      if (sizes.free !== undefined) this.#metrics.free.set(sizes.free);
    }
    const live = this.#live;
    if (!live) return;
    const status = live.status();
    const metrics = this.#metrics;
    for (const { exchange, connections, counts } of live.pools) {
      metrics.connections.set({ exchange: exchange.id }, connections.open);
      for (const [state, count] of Object.entries(counts)) metrics.subscriptions.set({ exchange: exchange.id, state }, count);
    }
    for (const [type, count] of status.records) raise(metrics.records, { type }, count);
    raise(metrics.reconnects, {}, status.reconnects);
    for (const [channel, count] of status.gapsByChannel) raise(metrics.gaps, { channel }, count);
    raise(metrics.repairedGaps, {}, status.repaired.gaps);
    metrics.repairing.set(status.repairing);
    raise(metrics.repairedTrades, {}, status.repaired.trades);
    const books = (status.gapsByChannel.get('book') ?? 0) + (status.gapsByChannel.get('book_delta') ?? 0);
    raise(metrics.bookGaps, {}, books);
    raise(metrics.dropped, {}, status.queue.dropped);
    raise(metrics.rejected, {}, status.rejected);
    metrics.queue.set(status.queue.waiting);
  }
}

type Counter = import('prom-client').Counter<string>;

/** Sets a counter to a total that is kept elsewhere and never falls. */
function raise(counter: Counter, labels: Record<string, string>, total: number): void {
  counter.remove(labels);
  counter.inc(labels, total);
}

function createMetrics(client: typeof import('prom-client'), registry: import('prom-client').Registry) {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new client.Counter({ name: `mdtool_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new client.Gauge({ name: `mdtool_${name}`, help, labelNames, registers });
  return {
    messages: counter('ws_messages_total', 'Data frames received.', ['exchange', 'channel']),
    bytes: counter('ws_received_bytes_total', 'Characters of all frames received.', ['exchange']),
    reconnects: counter('ws_reconnects_total', 'Connections lost.'),
    lag: new client.Histogram({
      name: 'mdtool_ws_lag_seconds',
      help: "Arrival minus the exchange's push time; 0 if negative (clock offset).",
      labelNames: ['exchange'],
      buckets: LAG_BUCKETS,
      registers,
    }),
    lastMessage: gauge('last_message_timestamp_seconds', 'Arrival of the last data frame, Unix time.', ['exchange', 'channel']),
    records: counter('records_total', 'Records captured.', ['type']),
    gaps: counter('gaps_total', 'Gaps that remain (gap records with missing: true).', ['channel']),
    repairedGaps: counter('gaps_repaired_total', 'Gaps in trades that were repaired.'),
    repairing: gauge('repairs_pending', 'Trade feeds whose missing trades are still to be fetched.'),
    repairedTrades: counter('trades_repaired_total', 'Trades recovered by repairs.'),
    bookGaps: counter('book_gaps_total', 'Gaps in books (part of gaps_total).'),
    dropped: counter('sink_dropped_total', 'Records dropped because the outputs were too slow.'),
    rejected: counter('ws_rejected_total', 'Frames or records that could not be mapped.'),
    connections: gauge('ws_connections', 'Open connections.', ['exchange']),
    subscriptions: gauge('subscriptions', 'Subscriptions by state.', ['exchange', 'state']),
    storeBytes: gauge('store_bytes', 'Size of the files of the store, without journals.'),
    free: gauge('store_free_bytes', 'Free space of the file system of the store.'),
    queue: gauge('queue_records', 'Records waiting for the outputs.'),
  };
}
