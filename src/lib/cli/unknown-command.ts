import type { Hook } from '@oclif/core';
import { EXIT } from '../model/errors.js';
import { didYouMean } from '../model/suggestion.js';
import { redact } from './redaction.js';
import { Stderr, stderrOptionsOf } from './stderr.js';

/** Ends the process with 2 and one line that names the nearest commands; oclif itself would end with 127. */
const unknownCommand: Hook.CommandNotFound = async ({ id, argv = [], config, context }) => {
  const commands = config.commands.filter(({ hidden }) => !hidden).map((command) => command.id.replaceAll(':', ' '));
  const message = complaint(id.replaceAll(':', ' '), commands);
  new Stderr(stderrOptionsOf(argv)).error(message);
  const error = { name: 'UsageError', message: redact(message), exit_code: EXIT.usage };
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error }, undefined, 2)}\n`);
  context.exit(EXIT.usage);
};

function complaint(name: string, commands: readonly string[]): string {
  if (name.startsWith('-')) return `expected a command, was the flag ${name}; mdtool --help lists the commands`;
  const parent = commands.find((command) => name.startsWith(`${command} `));
  if (parent !== undefined) return `unexpected argument "${name.slice(parent.length + 1)}"; see mdtool ${parent} --help`;
  return `unknown command "${name}"${didYouMean(name, [...commands, 'help']) || '; mdtool --help lists the commands'}`;
}

export default unknownCommand;
