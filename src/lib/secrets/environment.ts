import { readFileSync } from 'node:fs';
import { UsageError } from '../model/errors.js';
import { DEFAULT_NAME, type KeyEntry, type KeyMode, keyEntry } from './key-entry.js';
import { Secret } from './secret.js';

const FIELDS = ['key', 'secret', 'passphrase'] as const;
const PASSPHRASE_FILE = 'MDTOOL_PASSPHRASE_FILE';

/** Returns the variables that hold keys of exchanges, each also with `_FILE`, and the one of the passphrase's file. */
export function keyVariables(exchanges: readonly string[]): string[] {
  const names = exchanges.flatMap((id) => FIELDS.map((field) => variableOf(id, field)));
  return [...names, ...names.map((name) => `${name}_FILE`), PASSPHRASE_FILE];
}

function variableOf(exchange: string, field: string): string {
  return `MDTOOL_${exchange.toUpperCase()}_${field.toUpperCase()}`;
}

/**
 * Returns the key that the environment holds for an exchange, undefined when there is none. `NAME_FILE` names a file with the
 * value (Docker secrets, systemd credentials). `mode` is what the command line asks for: the environment does not say.
 */
export function keyOfEnvironment(environment: NodeJS.ProcessEnv, exchange: string, mode: KeyMode): KeyEntry | undefined {
  const [key, secret, passphrase] = FIELDS.map((field) => valueOfEnvironment(environment, variableOf(exchange, field)));
  if (key === undefined && secret === undefined) return undefined;
  const where = `environment ${variableOf(exchange, 'key')}, ${variableOf(exchange, 'secret')}`;
  return keyEntry(exchange, DEFAULT_NAME, { key, secret, passphrase, mode }, { source: 'environment', where });
}

/** Returns the passphrase of the encrypted file, where a file holds it. */
export function passphraseOfEnvironment(environment: NodeJS.ProcessEnv): Secret | undefined {
  const path = environment[PASSPHRASE_FILE];
  return path ? new Secret(contentOf(path, PASSPHRASE_FILE)) : undefined;
}

/** Returns the value of a variable, or of the file that `NAME_FILE` names; undefined without either. */
export function valueOfEnvironment(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const path = environment[`${name}_FILE`];
  const value = environment[name] || undefined;
  if (value !== undefined && path) throw new UsageError(`environment: set ${name} or ${name}_FILE, not both`);
  return path ? contentOf(path, `${name}_FILE`) : value;
}

function contentOf(path: string, variable: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`${variable}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
}
