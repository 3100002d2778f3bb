import { UsageError } from '../model/errors.js';
import { decryptText, encryptText } from './encrypted-text.js';
import { keyOfEnvironment, passphraseOfEnvironment } from './environment.js';
import { type Backend, DEFAULT_NAME, type KeyEntry, type KeyMode, type KeySource, keyEntry } from './key-entry.js';
import {
  entryOf,
  type KeyPaths,
  type KeyTables,
  keyPaths,
  parseTables,
  readIfThere,
  requirePrivate,
  writePrivate,
  writeTables,
} from './key-files.js';
import { type OpenKeyring, openKeyring, throughKeyring } from './keyring.js';
import type { Secret } from './secret.js';

/** What is known of a key without its secret: for `keys list`, and to find keys in the keyring, which cannot be listed. */
type KeyFacts = {
  readonly exchange: string;
  readonly name: string;
  readonly mode: KeyMode;
  readonly source: KeySource;
  readonly ending: string;
  /** Time of the last test, ISO 8601, and what it found. */
  readonly tested?: string | undefined;
  readonly permissions?: string | undefined;
};

type KeyStoreOptions = {
  readonly environment: NodeJS.ProcessEnv;
  /** Asks a person for the passphrase of the encrypted file; `isNew` asks twice. */
  readonly askPassphrase: (isNew: boolean) => Promise<Secret>;
  readonly keyring?: (() => Promise<OpenKeyring>) | undefined;
  /** Cost of the encrypted file; tests take a low one. */
  readonly cost?: number | undefined;
};

/** The keys of a user: of the environment, of `keys.toml`, of `keys.enc` and of the system's keyring, in this order. */
export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #paths: KeyPaths;
  #passphrase: Secret | undefined;
  #encrypted: KeyTables | undefined;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#paths = keyPaths(options.environment);
  }

  /** Returns a key, undefined where there is none. `mode` decides for keys of the environment alone. */
  async find(exchange: string, name: string, mode: KeyMode = 'live'): Promise<KeyEntry | undefined> {
    const own = name === DEFAULT_NAME ? keyOfEnvironment(this.#options.environment, exchange, mode) : undefined;
    if (own) return own;
    const plain = this.#plainTables();
    const entry = plain && entryOf(plain, exchange, name, { source: 'file', path: this.#paths.plain });
    if (entry) return entry;
    const facts = this.facts().find((fact) => fact.exchange === exchange && fact.name === name);
    if (facts?.source === 'keyring') return this.#fromKeyring(facts);
    const encrypted = readIfThere(this.#paths.encrypted);
    if (encrypted === undefined) return undefined;
    const tables = await this.#encryptedTables(encrypted);
    return entryOf(tables, exchange, name, { source: 'encrypted', path: this.#paths.encrypted });
  }

  /** Keeps a key. Throws a `UsageError` when the name is taken. */
  async add(entry: KeyEntry, backend: Backend): Promise<string> {
    const { exchange, name, mode } = entry;
    const id = idOf(entry);
    if (this.facts().some((fact) => idOf(fact) === id) || this.#plainTables()?.[exchange]?.[name])
      throw new UsageError(`there is a key ${id} already; remove it first: mdtool keys remove ${name} --exchange ${exchange}`);
    const fields = {
      mode,
      key: entry.key.reveal(),
      secret: entry.secret.reveal(),
      ...(entry.passphrase && { passphrase: entry.passphrase.reveal() }),
    };
    const place = await this.#keep(exchange, name, fields, backend);
    this.#writeFacts([...this.facts(), { exchange, name, mode, source: backend, ending: entry.key.ending }]);
    return place;
  }

  /** Removes a key. Throws a `UsageError` when there is none. */
  async remove(exchange: string, name: string): Promise<void> {
    const id = idOf({ exchange, name });
    const facts = this.facts();
    const fact = facts.find((candidate) => idOf(candidate) === id);
    const plain = this.#plainTables();
    if (plain?.[exchange]?.[name]) {
      writePrivate(this.#paths.plain, writeTables(without(plain, exchange, name)));
    } else if (fact?.source === 'keyring') {
      const open = await this.#openKeyring();
      throughKeyring(() => open(id).deletePassword());
    } else {
      const encrypted = readIfThere(this.#paths.encrypted);
      const tables = encrypted === undefined ? {} : await this.#encryptedTables(encrypted);
      if (!tables[exchange]?.[name]) throw new UsageError(`no key ${id}; mdtool keys list shows all`);
      await this.#writeEncrypted(without(tables, exchange, name));
    }
    this.#writeFacts(facts.filter((candidate) => idOf(candidate) !== id));
  }

  /** Returns what is known of all keys, those of the environment first. Asks for no passphrase. */
  list(exchanges: readonly string[]): KeyFacts[] {
    const own = exchanges.flatMap((exchange): KeyFacts[] => {
      const entry = keyOfEnvironment(this.#options.environment, exchange, 'live');
      return entry ? [{ exchange, name: entry.name, mode: entry.mode, source: entry.source, ending: entry.key.ending }] : [];
    });
    const facts = this.facts();
    const plain = this.#plainTables() ?? {};
    const written = Object.entries(plain).flatMap(([exchange, names]) =>
      Object.keys(names).flatMap((name): KeyFacts[] => {
        const entry = entryOf(plain, exchange, name, { source: 'file', path: this.#paths.plain });
        const known = facts.find((fact) => idOf(fact) === idOf({ exchange, name }));
        return entry ? [{ ...known, exchange, name, mode: entry.mode, source: 'file', ending: entry.key.ending }] : [];
      }),
    );
    return [...own, ...written, ...facts.filter(({ source }) => source === 'encrypted' || source === 'keyring')];
  }

  /** Keeps what a test has found of a key; of a key of the environment nothing is kept. */
  note(entry: KeyEntry, permissions: string, tested: string): void {
    if (entry.source === 'environment') return;
    const id = idOf(entry);
    const others = this.facts().filter((fact) => idOf(fact) !== id);
    const { exchange, name, mode, source } = entry;
    this.#writeFacts([...others, { exchange, name, mode, source, ending: entry.key.ending, tested, permissions }]);
  }

  facts(): KeyFacts[] {
    const text = readIfThere(this.#paths.facts);
    if (text === undefined) return [];
    try {
      return JSON.parse(text) as KeyFacts[];
    } catch {
      throw new UsageError(`${this.#paths.facts}: not valid JSON; remove it, and add keys of the keyring again`);
    }
  }

  async #keep(exchange: string, name: string, fields: Record<string, string>, backend: Backend): Promise<string> {
    if (backend === 'keyring') {
      const open = await this.#openKeyring();
      throughKeyring(() => open(idOf({ exchange, name })).setPassword(JSON.stringify(fields)));
      return 'the keyring of the system';
    }
    if (backend === 'file') {
      const tables = this.#plainTables() ?? {};
      writePrivate(this.#paths.plain, writeTables(withKey(tables, exchange, name, fields)));
      return this.#paths.plain;
    }
    const encrypted = readIfThere(this.#paths.encrypted);
    const tables = encrypted === undefined ? {} : await this.#encryptedTables(encrypted);
    this.#passphrase ??= passphraseOfEnvironment(this.#options.environment) ?? (await this.#options.askPassphrase(true));
    await this.#writeEncrypted(withKey(tables, exchange, name, fields));
    return this.#paths.encrypted;
  }

  #plainTables(): KeyTables | undefined {
    const text = readIfThere(this.#paths.plain);
    if (text === undefined) return undefined;
    requirePrivate(this.#paths.plain);
    return parseTables(text, this.#paths.plain);
  }

  async #encryptedTables(text: string): Promise<KeyTables> {
    if (this.#encrypted) return this.#encrypted;
    requirePrivate(this.#paths.encrypted);
    this.#passphrase ??= passphraseOfEnvironment(this.#options.environment) ?? (await this.#options.askPassphrase(false));
    this.#encrypted = parseTables(await decryptText(text, this.#passphrase, this.#paths.encrypted), this.#paths.encrypted);
    return this.#encrypted;
  }

  async #writeEncrypted(tables: KeyTables): Promise<void> {
    this.#encrypted = tables;
    writePrivate(
      this.#paths.encrypted,
      await encryptText(writeTables(tables), this.#passphrase as Secret, { n: this.#options.cost }),
    );
  }

  async #fromKeyring({ exchange, name }: KeyFacts): Promise<KeyEntry | undefined> {
    const open = await this.#openKeyring();
    const text = throughKeyring(() => open(idOf({ exchange, name })).getPassword());
    if (!text) return undefined;
    return keyEntry(exchange, name, JSON.parse(text), { source: 'keyring', where: `keyring ${exchange}/${name}` });
  }

  #openKeyring(): Promise<OpenKeyring> {
    return (this.#options.keyring ?? openKeyring)();
  }

  #writeFacts(facts: readonly KeyFacts[]): void {
    writePrivate(this.#paths.facts, `${JSON.stringify(facts, undefined, 2)}\n`);
  }
}

function idOf({ exchange, name }: { readonly exchange: string; readonly name: string }): string {
  return `${exchange}/${name}`;
}

function withKey(tables: KeyTables, exchange: string, name: string, fields: Record<string, string>): KeyTables {
  return { ...tables, [exchange]: { ...tables[exchange], [name]: fields } };
}

function without(tables: KeyTables, exchange: string, name: string): KeyTables {
  const { [name]: _removed, ...others } = tables[exchange] ?? {};
  const { [exchange]: _names, ...rest } = tables;
  return Object.keys(others).length > 0 ? { ...rest, [exchange]: others } : rest;
}
