import { createRequire } from 'node:module';
import { redact } from './redaction.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

type Fields = Readonly<Record<string, unknown>>;
type Write = (message: string, fields?: Fields) => void;

/** Log lines on stderr. Secrets are masked in every line. */
export type Logger = { readonly [Level in LogLevel]: Write };

type LoggerOptions = {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes whole lines; tests pass their own. */
  readonly write?: ((line: string) => void) | undefined;
};

const OMITTED = new Set(['level', 'time', 'msg']);

/** Returns a logger. It loads pino with the first line that it writes. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? ((line) => process.stderr.write(line));
  let pino: import('pino').Logger | undefined;
  const enabled = LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(options.level) + 1);
  const writer =
    (level: LogLevel): Write =>
    (message, fields = {}) => {
      if (!enabled.includes(level)) return;
      pino ??= createPino(options, write);
      pino[level](fields, message);
    };
  return { error: writer('error'), warn: writer('warn'), info: writer('info'), debug: writer('debug') };
}

function createPino({ level, format }: LoggerOptions, write: (line: string) => void): import('pino').Logger {
  const pino = createRequire(import.meta.url)('pino') as typeof import('pino').pino;
  const destination = { write: (line: string) => write(redact(format === 'json' ? line : textLine(line))) };
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, formatters, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** Returns `2026-08-09T21:27:00.441Z warn  message name=value` of a line of pino. */
function textLine(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const level = String(entry.level).padEnd(5);
  const fields = Object.entries(entry)
    .filter(([name]) => !OMITTED.has(name))
    .map(([name, value]) => ` ${name}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`);
  return `${entry.time} ${level} ${entry.msg ?? ''}${fields.join('')}\n`;
}
