import type { Hook } from '@oclif/core';
import { EXIT } from '../model/errors.js';
import { Stderr, stderrOptionsOf } from './stderr.js';
import { nearest } from './suggestion.js';

/** Ends the process with 2 and one line that names the nearest commands; oclif itself would end with 127. */
export const unknownCommand: Hook.CommandNotFound = async ({ id, argv, config, context }) => {
  const commands = config.commands.filter(({ hidden }) => !hidden).map((command) => command.id.replaceAll(':', ' '));
  const name = id.replaceAll(':', ' ');
  new Stderr(stderrOptionsOf(argv ?? [])).error(complaint(name, commands));
  context.exit(EXIT.usage);
};

function complaint(name: string, commands: readonly string[]): string {
  const parent = commands.find((command) => name.startsWith(`${command} `));
  if (parent !== undefined) return `unexpected argument "${name.slice(parent.length + 1)}"; see mdtool ${parent} --help`;
  const near = nearest(name, commands);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'mdtool --help lists the commands';
  return `unknown command "${name}"; ${hint}`;
}

export default unknownCommand;
