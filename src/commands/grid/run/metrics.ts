import type { Gauge, Registry } from 'prom-client';
import { type MetricsAddress, MetricsEndpoint } from '../../../lib/cli/live/metrics-endpoint.js';
import type { RunSession } from './session.js';
import { figuresOf } from './status-text.js';

const LABELS = ['run', 'mode', 'exchange', 'symbol'];

/** Figures of `grid status` that are served, by their name there. */
const FIGURES: Readonly<Record<string, string>> = {
  active_orders: 'Orders that rest, as far as is known.',
  orders_unknown: 'Orders of which nobody knows yet what became.',
  levels_live: 'Levels of the ladder that rest.',
  levels_filled: 'Levels of the ladder that have filled, also in part.',
  levels_deferred: 'Levels that wait for margin, for their band or for a limit.',
  filled_share: 'Orders that filled, of all that were placed.',
  mean_take_profit: 'Mean realised profit of a cycle before fees, quote units.',
  cycles: 'Cycles that ended.',
  restarts_per_day: 'Cycles that ended, per day since the first start.',
  latency_ms: 'Mean time of a request, milliseconds.',
  requests: 'Requests of this process.',
  failed_requests: 'Requests of this process that failed or whose outcome was unknown.',
  held: 'Amount that is held.',
  margin: 'Margin of what is held and of all orders that rest, quote units.',
  realised: 'Realised profit before fees and funding, quote units.',
  unrealised: 'Open profit, quote units.',
  funding: 'Funding received, quote units.',
  profit: 'Realised profit after funding and fees of the coin of settlement.',
  drawdown: 'Deepest fall of realised and open profit below its peak, quote units.',
  sharpe_per_cycle: 'Mean over standard deviation of the profits of cycles.',
  fills: 'Fills.',
  orders_rejected: 'Orders that the exchange refused.',
};

/** Serves the figures of runs: those of `grid status`, for Prometheus. */
export class RunMetrics {
  readonly #sessions: () => readonly RunSession[];
  readonly #gauges = new Map<string, Gauge>();
  readonly #fees: Gauge;
  readonly #halted: Gauge;
  #endpoint: MetricsEndpoint | undefined;

  private constructor(client: typeof import('prom-client'), registry: Registry, sessions: () => readonly RunSession[]) {
    this.#sessions = sessions;
    const gauge = (name: string, help: string, more: string[] = []) =>
      new client.Gauge({ name: `mdtool_run_${name}`, help, labelNames: [...LABELS, ...more], registers: [registry] });
    for (const [name, help] of Object.entries(FIGURES)) this.#gauges.set(name, gauge(name, help));
    this.#fees = gauge('fees', 'Fees that were paid, by coin.', ['asset']);
    this.#halted = gauge('halted', '1 when the run is halted.');
  }

  /** Starts a server. Throws a `FailureError` if it cannot listen on the address. */
  static async listen(address: MetricsAddress, version: string, sessions: () => readonly RunSession[]): Promise<RunMetrics> {
    const client = await import('prom-client');
    const registry = new client.Registry();
    const metrics = new RunMetrics(client, registry, sessions);
    metrics.#endpoint = await MetricsEndpoint.listen(address, {
      ...{ client, registry, version },
      collect: () => metrics.#collect(),
      pending: () => metrics.#pending(),
    });
    return metrics;
  }

  get port(): number {
    return this.#endpoint?.port ?? 0;
  }

  async close(): Promise<void> {
    await this.#endpoint?.close();
  }

  #pending(): string | undefined {
    const waiting = this.#sessions().filter(({ runner }) => runner.state.reconciles !== undefined);
    if (this.#sessions().length === 0) return 'no run is open';
    return waiting.length === 0 ? undefined : `${waiting.map(({ config }) => config.name).join(', ')}: reconciling`;
  }

  #collect(): void {
    for (const { config, runner, store } of this.#sessions()) {
      const { name: run, mode, exchange, symbol } = config;
      const labels = { run, mode, exchange, symbol };
      const heartbeat = { at: Date.now(), pid: process.pid, facts: { ...runner.requests } };
      const isRunning = runner.state.finished === undefined;
      const figures = figuresOf({ config, state: runner.state, heartbeat, firstStart: store.firstStart, isRunning });
      for (const [name, gauge] of this.#gauges) {
        const value = figures[name];
        if (typeof value === 'number') gauge.set(labels, value);
        // A figure that is not known is absent: 0 would be a statement.
        else gauge.remove(labels);
      }
      this.#halted.set(labels, runner.state.halt ? 1 : 0);
      for (const [asset, fee] of Object.entries(runner.state.books.fees)) this.#fees.set({ ...labels, asset }, Number(fee));
    }
  }
}
