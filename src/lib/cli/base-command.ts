import type { Interfaces } from '@oclif/core';
import { Command } from '@oclif/core/command';
import * as Errors from '@oclif/core/errors';
import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { restOriginFor } from '../exchanges/requests.js';
import { lineObjectOf } from '../model/ndjson.js';
import type { AnyRecord, RecordType } from '../model/records.js';
import { ClosedOutputError } from '../sinks/sink.js';
import { TextStream } from '../sinks/stdout.js';
import type { RecordSource } from '../storage/database/row-table.js';
import { useStoreCache } from '../storage/files/bucket-cache.js';
import type { Claims } from '../storage/journal/claims.js';
import { endpointsOf } from './endpoints.js';
import { reportOf } from './error-report.js';
import { configuredFlags } from './flag-settings.js';
import { type Format, globalFlags } from './flags.js';
import type { NotifyFlags } from './notify-flags.js';
import { type Output, openOutput, type Stored } from './output/output.js';
import type { Render } from './output/rendered-sink.js';
import { type RowSelection, selectedObjects } from './output/row-selection.js';
import { NO_WORK, progressOn, showWork, type Work } from './progress.js';
import { redact } from './redaction.js';
import { Settings } from './settings.js';
import { rawValue, Stderr, stderrOptionsOf } from './stderr.js';
import { stdoutHint } from './stdin-hint.js';
import type { AlertScope, StepAlerts } from './step-alerts.js';
import { stopOnSignals } from './stop-signals.js';
import { Summary, type SummaryDocument } from './summary.js';
import { useTimeZone } from './time-zone.js';

/** The parsed flags of `outputFlags`. */
export type OutputFlags = {
  readonly output?: readonly string[] | undefined;
  readonly format?: Format | undefined;
  /** The flags of `rowFlags`; `import` has a flag `--columns` of its own. */
  readonly columns?: unknown;
  readonly limit?: number | undefined;
  readonly tail?: number | undefined;
  readonly force: boolean;
  /** On steps that may write to a store. */
  readonly store?: string | undefined;
};

/** How a step delivers its records. */
export type Delivery = {
  readonly flags: OutputFlags;
  /** Where records go without `-o`. */
  readonly fallback: 'store' | '-';
  /** Records arrive until the step is stopped: a terminal then shows a line each. */
  readonly endless: boolean;
  /** The possible types, if known: several are refused for `.csv` before anything is written. */
  readonly types?: readonly RecordType[] | undefined;
  /** Types that the outputs get, where these are not all; alerts are made of all. */
  readonly shown?: ReadonlySet<string> | undefined;
  /** Renders the records of a batch, instead of a table per type. */
  readonly render?: Render | undefined;
  /** Whether a terminal shows a line per record also for a batch: its rows are events, not a table. */
  readonly asLines?: boolean | undefined;
  /** The step draws stdout itself: no records go there. */
  readonly drawsStdout?: boolean | undefined;
  /** Claims that keep a second step from capturing the same topics into the store. */
  readonly claims?: Claims | undefined;
  /** The step has already stored the records itself: the output `store` only counts them. */
  readonly stored?: Stored | undefined;
  /** Whether the step shows its progress itself. */
  readonly showsProgress?: boolean | undefined;
  /** Whether `--json` has the rows under `data`. */
  readonly data?: boolean | undefined;
  /** Completes the summary after every output has all records. */
  readonly summarize?: ((summary: Summary) => Promise<void> | void) | undefined;
};

type FlagsInput = Interfaces.FlagInput;

/**
 * Base of all commands: settings behind flags, one-line errors with exit codes, the closing summary, `--json` and signals.
 * A command parses, calls one library function and returns the result of `deliver` or `conclude`.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;
  static override enableJsonFlag = true;

  #stderr: Stderr | undefined;
  #settings: Settings | undefined;
  #summary: Summary | undefined;
  #stopped: AbortSignal | undefined;
  #alerts: StepAlerts | undefined;

  override async init(): Promise<void> {
    await super.init();
    takeOverStdoutErrors();
    this.#summary = new Summary(this.#name, Date.now() * 1000);
  }

  /** stderr in the form the user asked for; `stderr.log` writes log lines. */
  protected get stderr(): Stderr {
    this.#stderr ??= new Stderr(stderrOptionsOf(this.argv));
    return this.#stderr;
  }

  protected get summary(): Summary {
    this.#summary ??= new Summary(this.#name, Date.now() * 1000);
    return this.#summary;
  }

  /** Signal that the first SIGINT, SIGTERM or SIGHUP aborts. From its first use on, these no longer end the process. */
  protected get stopped(): AbortSignal {
    this.#stopped ??= stopOnSignals({
      onStop: (name) => this.#announceStop(name),
      onIgnored: () => this.stderr.log.info('SIGHUP ignored: there is no terminal; stop with SIGTERM or SIGINT'),
    });
    return this.#stopped;
  }

  /** Settings of the environment and the configuration files. */
  protected get settings(): Settings {
    return this.#loadSettings();
  }

  /** Returns the REST origin that answers a request of an exchange. */
  protected readonly restOrigin = (exchange: Exchange, request: HttpRequest): string =>
    restOriginFor(exchange.markets, (market) => endpointsOf(exchange, this.#loadSettings(), market), request);

  protected override async parse<
    F extends Interfaces.OutputFlags<FlagsInput>,
    B extends Interfaces.OutputFlags<FlagsInput>,
    A extends Interfaces.OutputArgs<Interfaces.ArgInput>,
  >(options?: Interfaces.Input<F, B, A>, argv?: string[]): Promise<Interfaces.ParserOutput<F, B, A>> {
    // Otherwise oclif adds a warning to the error of a command line that cannot be parsed.
    this.parsed = true;
    const input = options ?? (this.ctor as Interfaces.Input<F, B, A>);
    const settings = this.#loadSettings();
    const zone = rawValue(this.argv, '--tz') ?? settings.flag(this.ctor.id, 'tz')?.value;
    useTimeZone(zone === undefined ? 'UTC' : String(zone));
    const flags = configuredFlags(this.ctor.id, { ...input.baseFlags, ...input.flags }, settings);
    const output = await super.parse<F, B, A>({ ...input, flags } as Interfaces.Input<F, B, A>, argv);
    const {
      quiet,
      'log-level': level,
      'log-format': format,
    } = output.flags as unknown as Interfaces.InferredFlags<typeof globalFlags>;
    this.#stderr = new Stderr({ quiet, level, format });
    const { 'store-cache': cache } = output.flags as { readonly 'store-cache'?: string };
    useStoreCache(cache);
    return output;
  }

  /** The sinks of `--notify`, after `openAlerts`. */
  protected get alerts(): StepAlerts | undefined {
    return this.#alerts;
  }

  /**
   * Opens the sinks of `--notify`. They get the records that `deliver` takes from then on, and why the step does not end well;
   * `failures`: only the error that ends it.
   */
  protected async openAlerts(flags: NotifyFlags, covers: AlertScope = 'all'): Promise<void> {
    if (!flags.notify) return;
    const { StepAlerts } = await import('./step-alerts.js');
    const context = {
      covers,
      step: this.#name,
      settings: this.settings,
      userAgent: `mdtool/${this.config.version}`,
      stderr: this.stderr,
    };
    this.#alerts = await StepAlerts.open(flags, context);
  }

  /** Writes records to the outputs of the flags, and concludes. A closed stdout ends the step quietly. */
  protected async deliver(records: RecordSource, delivery: Delivery): Promise<SummaryDocument> {
    const { shown } = delivery;
    const all = this.#alerts?.through(records) ?? records;
    const source = shown ? onlyTypes(all, shown) : all;
    const output = await this.#open(delivery);
    const isStored = delivery.fallback === 'store' && delivery.flags.output === undefined && !this.jsonEnabled();
    const hint = isStored ? stdoutHint() : undefined;
    if (hint) this.stderr.note(hint);
    let rows: unknown[] = [];
    this.summary.store = delivery.flags.store;
    const work = this.#showWork(delivery);
    try {
      rows = await this.#deliverRecords(source, output, delivery, work);
      // A table is printed when the outputs close: after the line is gone.
      work.end();
      const reports = await output.close();
      this.summary.outputs = reports;
      for (const { rejected } of reports) if (rejected !== undefined) this.summary.incomplete(rejected);
    } catch (error) {
      work.end();
      await output.abort();
      if (error instanceof ClosedOutputError) return this.summary.document(Date.now() * 1000);
      throw error;
    }
    if (delivery.data) this.summary.data = selectedObjects(rows, selectionOf(delivery.flags));
    await delivery.summarize?.(this.summary);
    return this.conclude();
  }

  /** Writes the records of a source; returns those of the document of `--json`. */
  async #deliverRecords(source: RecordSource, output: Output, delivery: Delivery, work: Work): Promise<unknown[]> {
    const rows: unknown[] = [];
    // Asked once: oclif looks through the environment each time.
    const mostRows = delivery.data && this.jsonEnabled() ? (delivery.flags.limit ?? Number.POSITIVE_INFINITY) : 0;
    const isTable = await this.#deliverTable(source, output);
    for await (const records of isTable ? [] : source) {
      work.add(records.length);
      await output.write(records);
      for (const record of records) {
        this.summary.count(record.type);
        if (rows.length < mostRows) rows.push(lineObjectOf(record));
      }
      // As behind `| head`: a stream has no other end.
      if (delivery.endless && output.isFull) break;
    }
    return rows;
  }

  /** Passes the records on as a table where source and output can. Returns false when they have to be iterated. */
  async #deliverTable({ asTable }: RecordSource, { takeTable }: Output): Promise<boolean> {
    if (!asTable || !takeTable) return false;
    return await asTable(async (table) => {
      const rows = await takeTable(table);
      if (rows > 0) this.summary.count(table.type, rows);
    });
  }

  /** Prints the closing summary, sets the exit code and returns the document of `--json`. */
  protected conclude(): SummaryDocument {
    const ended = Date.now() * 1000;
    const document = this.concludeQuietly(ended);
    this.stderr.note(this.summary.line(ended), { ...document, data: undefined });
    return document;
  }

  /** As `conclude`, without the closing line: for a command whose whole result is on the screen. */
  protected concludeQuietly(ended = Date.now() * 1000): SummaryDocument {
    process.exitCode = this.summary.exitCode;
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    return this.summary.document(ended);
  }

  /** Warns at once, and again in the summary. */
  protected notice(message: string): void {
    this.summary.warn(message);
    this.stderr.warn(message);
  }

  protected override async catch(error: Error): Promise<void> {
    if (error instanceof Errors.ExitError) throw error;
    const { name, message, exitCode } = reportOf(error, { command: this.#name, flags: this.#flagNames() });
    process.exitCode = exitCode;
    this.#alerts?.fail(redact(message));
    this.stderr.error(message, this.stderr.debugging ? error.stack : undefined);
    if (this.jsonEnabled()) this.logJson({ error: { name, message: redact(message), exit_code: exitCode } });
  }

  /** After `run` and `catch`, whatever they did: the alerts and the figures of a failed run are the important ones. */
  protected override async finally(error: Error | undefined): Promise<void> {
    await this.#alerts?.close(this.summary.reasons);
    await super.finally(error);
    await this.#writeMetrics();
  }

  async #writeMetrics(): Promise<void> {
    const target = rawValue(this.argv, '--metrics-file') ?? this.#configuredMetrics();
    if (target === undefined) return;
    const { started, records } = this.summary;
    const run = { step: this.#name, exitCode: Number(process.exitCode ?? 0), started, ended: Date.now() * 1000, records };
    const { writeStepMetrics } = await import('./step-metrics.js');
    const problem = await writeStepMetrics(String(target), run);
    if (problem !== undefined) this.stderr.warn(problem);
  }

  /** Prints the document of `--json`. oclif's own method splits it into tokens for colours, which takes longer than most runs. */
  override logJson(document: unknown): void {
    this.log(JSON.stringify(document, undefined, 2));
  }

  /** Prints a text for people on stdout. A full disk is an error with exit 1; oclif's own method ignores it. */
  override log(text = ''): void {
    const stdout = new TextStream(process.stdout);
    const fail = (error: unknown) => {
      if (error instanceof ClosedOutputError) return;
      const { message, exitCode } = reportOf(error, { command: this.#name, flags: [] });
      process.exitCode = exitCode;
      this.stderr.error(message);
    };
    stdout
      .write(`${text}\n`)
      .then(() => stdout.flush())
      .catch(fail);
  }

  /** Reports the stop. Every step of a pipeline gets the same Ctrl-C: those that read stdin leave the line to the first one. */
  #announceStop(signal: string): void {
    if (signal !== 'SIGINT') this.stderr.log.info(`stopping (${signal}; a second signal forces)`);
    else if (!readsStdin(this.argv)) this.stderr.log.info('stopping (press Ctrl-C again to force)');
  }

  /** Shows that a batch step works; nothing for an endless one, and where records are printed as they come. */
  #showWork({ endless, showsProgress, flags }: Delivery): Work {
    if (endless || showsProgress) return NO_WORK;
    const isPrinting = flags.format !== undefined && flags.format !== 'table';
    const options = progressOn(this.stderr, flags.output ?? (isPrinting ? ['-'] : []));
    return showWork(options, this.#name);
  }

  #open({ flags, fallback, endless, types, render, asLines, claims, stored, drawsStdout }: Delivery): Promise<Output> {
    return openOutput({
      destinations: flags.output ?? [],
      fallback,
      format: flags.format,
      selection: selectionOf(flags),
      force: flags.force,
      json: this.jsonEnabled() || drawsStdout === true,
      endless,
      types,
      render,
      asLines,
      stored,
      store: flags.store === undefined ? undefined : { directory: flags.store, step: this.#name, claims, sealedApart: endless },
      stdout: process.stdout,
      note: (text) => this.stderr.note(text),
    });
  }

  #loadSettings(): Settings {
    this.#settings ??= new Settings({
      commands: this.config.commands
        .filter(({ pluginName }) => pluginName === this.config.pjson.name)
        .map(({ id, flags }) => ({ id, flags: Object.keys(flags) })),
      environment: process.env,
      file: rawValue(this.argv, '--config'),
    });
    return this.#settings;
  }

  /** Settings that cannot be read have been reported by then. */
  #configuredMetrics(): unknown {
    try {
      return this.#loadSettings().flag(this.ctor.id, 'metrics-file')?.value;
    } catch {
      return undefined;
    }
  }

  get #name(): string {
    return (this.ctor.id ?? '').replaceAll(':', ' ');
  }

  #flagNames(): string[] {
    return Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags });
  }
}

function selectionOf({ columns, limit, tail }: OutputFlags): RowSelection {
  return { columns: Array.isArray(columns) ? columns : undefined, limit, tail };
}

async function* onlyTypes(source: RecordSource, types: ReadonlySet<string>): AsyncGenerator<readonly AnyRecord[]> {
  for await (const batch of source) {
    const records = batch.filter(({ type }) => types.has(type));
    if (records.length > 0) yield records;
  }
}

/** Returns whether a command line names `-` as an input: anywhere but after `-o`. */
function readsStdin(argv: readonly string[]): boolean {
  return argv.some((word, index) => word === '-' && !['-o', '--output'].includes(argv[index - 1] ?? ''));
}

/**
 * Replaces oclif's listener for errors of stdout, which throws all but EPIPE out of the event loop: a full disk would end
 * the process with a stack trace. Every writer reports the error from its own listener, in one line.
 */
function takeOverStdoutErrors(): void {
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', () => {});
}
