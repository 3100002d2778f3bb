import type { LogFormat, Logger, LogLevel } from './logger.js';
import { createLogger, LOG_FORMATS, LOG_LEVELS } from './logger.js';
import { redact } from './redaction.js';

type StderrOptions = { readonly quiet: boolean; readonly level: LogLevel; readonly format: LogFormat };

/** Everything that a command prints on stderr: sentences, or log lines with `--log-format json`. */
export class Stderr {
  readonly log: Logger;
  /** Live display at the bottom of the terminal, hidden while a line is printed. */
  display: { hide(): void; show(): void } | undefined;
  readonly #options: StderrOptions;

  constructor(options: StderrOptions) {
    this.#options = options;
    this.log = createLogger({ ...options, write: (line) => this.#write(line) });
  }

  /** Prints why the process fails. */
  error(message: string, stack?: string): void {
    if (this.#options.format === 'json') this.log.error(message, stack === undefined ? {} : { stack });
    else this.#print(`mdtool: ${message}`, stack);
  }

  warn(message: string): void {
    if (this.#options.level === 'error') return;
    if (this.#options.format === 'json') this.log.warn(message);
    else this.#print(`mdtool: warning: ${message}`);
  }

  /** Prints a hint or the closing summary; nothing with `--quiet`. */
  note(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#options.quiet) return;
    if (this.#options.format === 'json') this.log.info(message, fields);
    else this.#print(message);
  }

  /** Prints a line above the display of a step that draws its records itself. */
  above(line: string): void {
    this.#write(`${line}\n`);
  }

  /** Whether hints, summaries and animation are shown as text for people. */
  get isConversational(): boolean {
    return !this.#options.quiet && this.#options.format === 'text';
  }

  /** Whether stack traces are shown. */
  get debugging(): boolean {
    return this.#options.level === 'debug';
  }

  #print(message: string, stack?: string): void {
    this.#write(`${redact(stack === undefined ? message : `${message}\n${stack}`)}\n`);
  }

  #write(text: string): void {
    this.display?.hide();
    process.stderr.write(text);
    this.display?.show();
  }
}

/** Returns the options of the raw command line, used until it is parsed and if parsing fails. */
export function stderrOptionsOf(argv: readonly string[]): StderrOptions {
  const level = LOG_LEVELS.find((name) => name === rawValue(argv, '--log-level'));
  const format = LOG_FORMATS.find((name) => name === rawValue(argv, '--log-format'));
  return { quiet: argv.includes('--quiet'), level: level ?? 'info', format: format ?? 'text' };
}

/** Returns the value of an option flag on a command line that has not been parsed yet. */
export function rawValue(argv: readonly string[], flag: string): string | undefined {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const index = own.findIndex((argument) => argument === flag || argument.startsWith(`${flag}=`));
  const argument = own[index];
  if (argument === undefined) return undefined;
  return argument === flag ? own[index + 1] : argument.slice(flag.length + 1);
}
