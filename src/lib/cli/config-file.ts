import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { systemReason } from '../disk/system-reason.js';
import { FailureError, UsageError } from '../model/errors.js';

export type ConfigValue = string | number | boolean | Date | readonly ConfigValue[];
export type ConfigTable = { readonly [key: string]: ConfigValue | ConfigTable };

/** A configuration file that exists. */
export type ConfigFile = { readonly path: string; readonly table: ConfigTable };

const NAME = 'mdtool.toml';

/**
 * Returns the configuration files in order of precedence: `explicit` alone where one is named, else `./mdtool.toml`
 * and the user's own. Throws a `FailureError` when a named file cannot be read, a `UsageError` when one is not TOML.
 */
export function readConfigFiles(explicit: string | undefined, environment: NodeJS.ProcessEnv): readonly ConfigFile[] {
  if (explicit !== undefined) return [{ path: explicit, table: readTable(explicit, true) ?? {} }];
  const home = environment.XDG_CONFIG_HOME || join(homedir(), '.config');
  return [NAME, join(home, 'mdtool', NAME)].flatMap((path) => {
    const table = readTable(path, false);
    return table ? [{ path, table }] : [];
  });
}

function readTable(path: string, required: boolean): ConfigTable | undefined {
  const text = readText(path, required);
  if (text === undefined) return undefined;
  try {
    return parse(text) as ConfigTable;
  } catch (error) {
    const { message, line, column } = error as Error & { line?: number; column?: number };
    const reason = message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new UsageError(`${path}, line ${line}, column ${column}: not valid TOML: ${reason}`);
  }
}

function readText(path: string, required: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw new FailureError(`cannot read the configuration ${path}: ${systemReason(error)}`, { cause: error });
  }
}
