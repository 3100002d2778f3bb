import { Command, Errors, type Interfaces, ux } from '@oclif/core';
import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { restOriginFor } from '../exchanges/requests.js';
import { encodeRecord } from '../model/ndjson.js';
import type { AnyRecord, RecordType } from '../model/records.js';
import { ClosedOutputError } from '../sinks/sink.js';
import { TextStream } from '../sinks/stdout.js';
import type { Claims } from '../storage/journal/claims.js';
import { endpointsOf } from './endpoints.js';
import { reportOf } from './error-report.js';
import { configuredFlags } from './flag-settings.js';
import { type Format, globalFlags } from './flags.js';
import { type Output, openOutput, type Stored } from './output/output.js';
import type { Render } from './output/rendered-sink.js';
import { takeOverStdoutErrors } from './output/stdout-errors.js';
import type { RecordLine } from './output/table-sink.js';
import { redact } from './redaction.js';
import { Settings } from './settings.js';
import { rawValue, Stderr, stderrOptionsOf } from './stderr.js';
import { stopOnSignals } from './stop-signals.js';
import { Summary, type SummaryDocument } from './summary.js';

/** The parsed flags of `outputFlags`. */
export type OutputFlags = {
  readonly output?: readonly string[] | undefined;
  readonly format?: Format | undefined;
  readonly force: boolean;
  /** On steps that may write to a store. */
  readonly store?: string | undefined;
};

/** How the records of a step leave it. */
export type Delivery = {
  readonly flags: OutputFlags;
  /** Where records go without `-o`. */
  readonly fallback: 'store' | '-';
  /** Records come for as long as nobody stops the step: a terminal then shows a line each. */
  readonly endless: boolean;
  /** The types that can come, where they are known: several of them are refused for `.csv` before anything is written. */
  readonly types?: readonly RecordType[] | undefined;
  /** Draws the records of a batch, instead of a table per type. */
  readonly render?: Render | undefined;
  /** Says a record in one line on a terminal, instead of its fields; undefined for one that is not shown. */
  readonly line?: RecordLine | undefined;
  /** What no second step may capture into the store meanwhile. */
  readonly claims?: Claims | undefined;
  /** The step puts the records into its store itself, before they come: `store` is only counted. */
  readonly stored?: Stored | undefined;
  /** `--json` gives the rows under `data`. */
  readonly data?: boolean | undefined;
  /** Completes the summary when the records have ended and every output has them. */
  readonly summarize?: ((summary: Summary) => Promise<void> | void) | undefined;
};

type FlagsInput = Interfaces.FlagInput;

/**
 * What all commands share: settings behind flags, one-line errors with their exit codes, the closing summary, `--json`
 * and signals. A command parses, calls one library function and returns what `deliver` or `conclude` returns.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;
  static override enableJsonFlag = true;

  #stderr: Stderr | undefined;
  #settings: Settings | undefined;
  #summary: Summary | undefined;
  #stopped: AbortSignal | undefined;

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

  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, which from the first use on do not end the process any more. */
  protected get stopped(): AbortSignal {
    this.#stopped ??= stopOnSignals((name) => this.stderr.log.info(`${name}: stopping; a second one ends at once`));
    return this.#stopped;
  }

  /** What environment and configuration files say beside flags. */
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
    // Otherwise oclif warns, on top of the error, that a command line which cannot be parsed was not parsed.
    this.parsed = true;
    const input = options ?? (this.ctor as Interfaces.Input<F, B, A>);
    const settings = this.#loadSettings();
    const flags = configuredFlags(this.ctor.id, { ...input.baseFlags, ...input.flags }, settings);
    const output = await super.parse<F, B, A>({ ...input, flags } as Interfaces.Input<F, B, A>, argv);
    const {
      quiet,
      'log-level': level,
      'log-format': format,
    } = output.flags as unknown as Interfaces.InferredFlags<typeof globalFlags>;
    this.#stderr = new Stderr({ quiet, level, format });
    return output;
  }

  /** Pumps records into the outputs that the flags name, and concludes. A reader that leaves ends the step quietly. */
  protected async deliver(source: AsyncIterable<readonly AnyRecord[]>, delivery: Delivery): Promise<SummaryDocument> {
    const output = await this.#open(delivery);
    const rows: unknown[] = [];
    try {
      for await (const records of source) {
        await output.write(records);
        for (const record of records) {
          this.summary.count(record.type);
          if (delivery.data && this.jsonEnabled()) rows.push(JSON.parse(encodeRecord(record)));
        }
      }
      this.summary.outputs = await output.close();
    } catch (error) {
      await output.abort();
      if (error instanceof ClosedOutputError) return this.summary.document(Date.now() * 1000);
      throw error;
    }
    if (delivery.data) this.summary.data = rows;
    await delivery.summarize?.(this.summary);
    return this.conclude();
  }

  /** Prints the closing summary, sets the exit code and returns the document of `--json`. */
  protected conclude(): SummaryDocument {
    const ended = Date.now() * 1000;
    process.exitCode = this.summary.exitCode;
    const document = this.summary.document(ended);
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    this.stderr.note(this.summary.line(ended), { ...document, data: undefined });
    return document;
  }

  /** Tells the user at once, and again in the summary. */
  protected notice(message: string): void {
    this.summary.warn(message);
    this.stderr.warn(message);
  }

  protected override async catch(error: Error): Promise<void> {
    if (error instanceof Errors.ExitError) throw error;
    const { name, message, exitCode } = reportOf(error, { command: this.#name, flags: this.#flagNames() });
    process.exitCode = exitCode;
    this.stderr.error(message, this.stderr.debugging ? error.stack : undefined);
    if (this.jsonEnabled()) this.logJson({ error: { name, message: redact(message), exit_code: exitCode } });
  }

  /** Prints the document of `--json`. On a disk that is full it says so and ends with 1, where oclif's own is silent. */
  override logJson(document: unknown): void {
    const stdout = new TextStream(process.stdout);
    const text = ux.colorizeJson(document, { pretty: true, theme: this.config.theme?.json });
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

  #open({ flags, fallback, endless, types, render, line, claims, stored }: Delivery): Promise<Output> {
    return openOutput({
      destinations: flags.output ?? [],
      fallback,
      format: flags.format,
      force: flags.force,
      json: this.jsonEnabled(),
      endless,
      types,
      render,
      line,
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

  get #name(): string {
    return (this.ctor.id ?? '').replaceAll(':', ' ');
  }

  #flagNames(): string[] {
    return Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags });
  }
}
