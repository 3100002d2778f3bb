import { readFile } from 'node:fs/promises';
import { systemReason } from '../disk/system-reason.js';
import type { Tally } from '../sinks/sink.js';
import { WholeFile } from '../sinks/whole-file.js';

/** One run of a command. */
type StepRun = {
  readonly step: string;
  readonly exitCode: number;
  /** Microseconds. */
  readonly started: number;
  readonly ended: number;
  readonly records: Tally;
};

const LAST_SUCCESS = 'mdtool_step_last_success_timestamp_seconds';

/**
 * Writes the figures of a run for Prometheus: into a file of the node exporter's textfile format, or to a push gateway
 * (POST, which keeps what is not sent). `{step}` in the target is the command. Returns why it could not, undefined when it
 * did: monitoring must not change the result of a step.
 */
export async function writeStepMetrics(target: string, run: StepRun): Promise<string | undefined> {
  const place = target.replaceAll('{step}', run.step.replaceAll(' ', '-'));
  try {
    if (/^https?:\/\//.test(place)) await push(place, await textOf(run, undefined));
    else await replaceFile(place, await textOf(run, await previousSuccess(place)));
    return undefined;
  } catch (error) {
    const reason = (error as Error).cause instanceof Error ? (error as { cause: Error }).cause : error;
    return `cannot write metrics to ${place}: ${systemReason(reason)}`;
  }
}

/** `previous` is the time of the last success before this run, as it stands in the file. */
async function textOf({ step, exitCode, started, ended, records }: StepRun, previous: string | undefined): Promise<string> {
  const client = await import('prom-client');
  const registry = new client.Registry();
  const gauge = (name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}) => {
    const metric =
      (registry.getSingleMetric(name) as import('prom-client').Gauge | undefined) ??
      new client.Gauge({ name, help, labelNames: ['step', ...Object.keys(labels)], registers: [registry] });
    metric.set({ step, ...labels }, value);
  };
  gauge('mdtool_step_last_run_timestamp_seconds', 'End of the last run, Unix time.', ended / 1e6);
  // With exit 3 everything that there is was written.
  const success = exitCode === 0 || exitCode === 3 ? ended / 1e6 : previous && Number(previous);
  if (success) gauge(LAST_SUCCESS, 'End of the last run with exit 0 or 3, Unix time.', success);
  gauge('mdtool_step_exit_code', 'Exit code of the last run.', exitCode);
  gauge('mdtool_step_duration_seconds', 'Duration of the last run.', (ended - started) / 1e6);
  for (const [type, count] of Object.entries(records)) {
    gauge('mdtool_step_records', 'Records of the last run.', count, { type });
  }
  return registry.metrics();
}

async function previousSuccess(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return new RegExp(`^${LAST_SUCCESS}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1];
}

/** The exporter may read at any moment: the file is replaced as a whole. */
async function replaceFile(path: string, text: string): Promise<void> {
  const file = new WholeFile(path, true);
  await file.write(text);
  await file.close();
}

async function push(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
}
