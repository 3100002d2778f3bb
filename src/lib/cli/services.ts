import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { Flags } from '@oclif/core';
import { UsageError } from '../model/errors.js';
import { partOf, type Scope, type Service, USUAL_PARTS } from '../service/units.js';
import { runName } from './run-name.js';

export const scopeFlags = {
  system: Flags.boolean({ summary: 'Services of the system, as the user mdtool; needs root.', exclusive: ['user'] }),
  user: Flags.boolean({ summary: 'Services of yours; they run while you are logged in, or with loginctl enable-linger.' }),
  root: Flags.string({
    summary: 'Install into a system image under this folder, as systemctl --root does.',
    helpValue: 'DIR',
    dependsOn: ['system'],
  }),
};

export function scopeOf({ system, user }: { readonly system?: boolean; readonly user?: boolean }): Scope {
  if (!system && !user) throw new UsageError('say whose services they are: --system or --user');
  return system ? 'system' : 'user';
}

/** Returns the services of the words `stream candles …` or `grid NAME`; without words those that keep a store up to date. */
export function servicesOf(words: readonly string[], flags: readonly string[] = []): Service[] {
  if (words.length === 0) return USUAL_PARTS.map((part) => ({ part }));
  if (words[0] === 'grid') {
    if (words.length !== 2) throw new UsageError('expected grid NAME: the name of one run');
    return [{ part: 'grid', run: runName(words[1] as string), flags }];
  }
  for (const word of words) partOf(word);
  return words.map((part) => ({ part, flags }));
}

/**
 * Returns the folders of mdtool and of node, for the path of a service. Throws a `UsageError` where a service would not find
 * them.
 */
export function programFolders(scope: Scope): string[] {
  const folders = [mdtoolFolder(), dirname(process.execPath)];
  const private_ = [...folders, realpathSync(join(folders[0] as string, 'mdtool'))].find((path) =>
    /^\/(?:home|root)\//.test(path),
  );
  if (scope === 'system' && private_ !== undefined) {
    throw new UsageError(
      `services of the system cannot read ${private_}: install Node and mdtool for all users (npm i -g as root), or use --user`,
    );
  }
  return [...new Set(folders)];
}

function mdtoolFolder(): string {
  const started = process.argv[1] ?? '';
  const folders = basename(started) === 'mdtool' ? [dirname(started)] : (process.env.PATH ?? '').split(delimiter);
  const found = folders.find((folder) => isExecutable(join(folder, 'mdtool')));
  if (found === undefined) throw new UsageError('mdtool is not on the PATH: npm i -g mdtool, or npm link in the source tree');
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
