import { stripVTControlCharacters } from 'node:util';
import { systemReason } from '../disk/system-reason.js';
import { EXIT, MdtoolError } from '../model/errors.js';
import { didYouMean } from '../model/suggestion.js';
import { databaseReason, isDatabaseError } from '../storage/files/database-reason.js';
import { unreadableFile } from '../storage/files/unreadable-file.js';

/** An error as the user sees it: one line and an exit code. */
type ErrorReport = { readonly name: string; readonly message: string; readonly exitCode: number };

/** The command that failed. */
type CommandContext = { readonly command: string; readonly flags: readonly string[] };

/** Fields of oclif's errors that are read here. */
type OclifError = Error & {
  readonly oclif?: { readonly exit?: number };
  readonly flags?: readonly string[];
  readonly code?: string;
};

/** oclif's text around an error of a flag's parser. */
const PARSING = /^Parsing --(\S+) \n\t(?:--\S+: |: )?([\s\S]*?)(?:\nSee more help with --help)?$/;

/** Returns the line and the exit code of a thrown value. */
export function reportOf(error: unknown, context: CommandContext): ErrorReport {
  if (!(error instanceof Error)) return internal(String(error));
  const parsing = PARSING.exec(error.message);
  if (error instanceof MdtoolError)
    return {
      name: error.name,
      message: oneLine(parsing ? `--${parsing[1]}: ${parsing[2]}` : error.message),
      exitCode: error.exitCode,
    };
  const { oclif, code, syscall } = error as OclifError & NodeJS.ErrnoException;
  if (oclif?.exit === EXIT.usage) return { name: 'UsageError', message: usageMessage(error, context), exitCode: EXIT.usage };
  if (syscall !== undefined && code !== undefined)
    return { name: 'FailureError', message: systemMessage(error), exitCode: EXIT.failure };
  const failure = unreadableFile(error)?.message ?? (isDatabaseError(error) ? databaseReason(error) : undefined);
  if (failure !== undefined) return { name: 'FailureError', message: oneLine(failure), exitCode: EXIT.failure };
  return internal(error.message || error.name);
}

function internal(message: string): ErrorReport {
  const text = `internal error: ${oneLine(message)} (--log-level debug shows where)`;
  return { name: 'InternalError', message: text, exitCode: EXIT.failure };
}

function systemMessage(error: NodeJS.ErrnoException): string {
  return oneLine(error.path ? `${error.path}: ${systemReason(error)}` : error.message);
}

/** Returns oclif's error about the command line, reworded. */
function usageMessage(error: OclifError, { command, flags }: CommandContext): string {
  const see = `see mdtool ${command} --help`;
  const text = stripVTControlCharacters(error.message).replace('\nSee more help with --help', '');
  const [unknown] = error.constructor.name === 'NonExistentFlagsError' ? (error.flags ?? []) : [];
  if (unknown !== undefined) {
    const name = unknown.replace(/=.*$/, '');
    return `unknown flag ${name}${didYouMean(
      name,
      flags.map((flag) => `--${flag}`),
    )}; ${see}`;
  }
  const parsing = PARSING.exec(text);
  if (parsing) return `--${parsing[1]}: ${lowerFirst(parsing[2] ?? '').replace(/ but received: ([\s\S]*)$/, ', was "$1"')}`;
  const relation = text.trim().replace(/^The following errors? occurred:\s*/, '');
  const exclusive = /^(--[\w-]+)=[\s\S]* cannot also be provided when using (--[\w-]+)/.exec(relation);
  if (exclusive) return `${exclusive[1]} cannot be combined with ${exclusive[2]}; ${see}`;
  const needed = /^All of the following must be provided when using (--[\w-]+): (--[\w-]+)/.exec(relation);
  if (needed) return `${needed[1]} needs ${needed[2]}; ${see}`;
  const option = /^Expected --(\S+?)=([\s\S]*) to be one of: (.*)$/.exec(text);
  if (option)
    return `--${option[1]}: expected one of ${option[3]}, was "${option[2]}"${didYouMean(option[2] ?? '', (option[3] ?? '').split(', '))}`;
  const reasons = oneLine(text.replace(/^The following errors? occurred:\s*/, ''));
  return `${lowerFirst(reasons.replaceAll(/Missing required flag (\S+)/g, 'missing required flag --$1'))}; ${see}`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function oneLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ');
}
