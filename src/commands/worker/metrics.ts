import { type MetricsAddress, MetricsEndpoint } from '../../lib/cli/live/metrics-endpoint.js';
import type { RunningWorker, WorkerStatus } from '../../lib/jobs/worker-run.js';

type Measured = Pick<RunningWorker, 'status'>;

/** Serves the state of a worker for Prometheus. */
export class WorkerMetrics {
  readonly #endpoint: MetricsEndpoint;

  private constructor(endpoint: MetricsEndpoint) {
    this.#endpoint = endpoint;
  }

  /** Starts a server. Throws a `FailureError` if it cannot listen on the address. */
  static async listen(address: MetricsAddress, version: string, worker: Measured): Promise<WorkerMetrics> {
    const client = await import('prom-client');
    const registry = new client.Registry();
    const show = createMetrics(client, registry);
    const collect = () => show(worker.status);
    return new WorkerMetrics(
      await MetricsEndpoint.listen(address, { ...{ client, registry, version, collect }, pending: () => undefined }),
    );
  }

  get port(): number {
    return this.#endpoint.port;
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }
}

function createMetrics(client: typeof import('prom-client'), registry: import('prom-client').Registry) {
  const registers = [registry];
  const counter = (name: string, help: string) => new client.Counter({ name: `mdtool_jobs_${name}_total`, help, registers });
  const gauge = (name: string, help: string) => new client.Gauge({ name: `mdtool_jobs_${name}`, help, registers });
  const counters = {
    done: counter('done', 'Jobs that this worker finished.'),
    failed: counter('failed', 'Jobs that failed in this worker.'),
    stalled: counter('stalled', 'Jobs of silent workers that this worker put back into the queue.'),
  };
  const active = gauge('active', 'Jobs that this worker runs.');
  const waiting = gauge('waiting', 'Jobs that wait for any worker.');
  const oldest = gauge('oldest_age_seconds', 'Age of the oldest waiting job; 0 if none waits.');
  return (status: WorkerStatus) => {
    for (const name of ['done', 'failed', 'stalled'] as const) {
      counters[name].reset();
      counters[name].inc(status[name]);
    }
    active.set(status.active);
    waiting.set(status.waiting);
    oldest.set(status.oldest / 1000);
  };
}
