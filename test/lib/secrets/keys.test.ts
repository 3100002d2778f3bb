import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { redact } from '../../../src/lib/cli/redaction.js';
import { decryptText, encryptText } from '../../../src/lib/secrets/encrypted-text.js';
import { BACKENDS, type KeyEntry, keyEntry } from '../../../src/lib/secrets/key-entry.js';
import { KeyStore } from '../../../src/lib/secrets/key-store.js';
import { Secret } from '../../../src/lib/secrets/secret.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PASSPHRASE = new Secret('correct horse');
const TEXT = '[bitget.default]\nkey = "k"\n';
/** Computed by hashlib.scrypt and the AESGCM of Python's cryptography: salt 0…31, nonce 100…111. */
const KNOWN = `{"format":"mdtool-keys","version":1,"kdf":"scrypt","n":16384,"r":8,"p":1,"salt":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","nonce":"ZGVmZ2hpamtsbW5v"}
KlL4ZyFxhaD90/qubhn47o2mE+EQIiOGB2tb+95Hbqbwqbr8wR/YdfYXvA==
`;
const range = (from: number, length: number) => Buffer.from(Array.from({ length }, (_, index) => from + index));

describe('encrypted text', () => {
  it('is what another implementation computes, both ways', async () => {
    const randomness = { salt: range(0, 32), nonce: range(100, 12), n: 2 ** 14 };
    expect(await encryptText(TEXT, PASSPHRASE, randomness)).toBe(KNOWN);
    expect(await decryptText(KNOWN, PASSPHRASE, 'keys.enc')).toBe(TEXT);
  });

  it('refuses a wrong passphrase and every changed part', async () => {
    const [header = '', body = ''] = KNOWN.split('\n');
    const flipped = (place: number) => {
      const bytes = Buffer.from(body, 'base64');
      bytes[place] = (bytes[place] as number) ^ 1;
      return `${header}\n${bytes.toString('base64')}\n`;
    };
    const changed = [flipped(0), flipped(20), flipped(Buffer.from(body, 'base64').length - 1), `${header}\n\n`];
    for (const text of [
      ...changed,
      KNOWN.replace('AAEC', 'AAED'),
      KNOWN.replace('"p":1,', '"p":1, '),
      KNOWN.replace('16384', '32768'),
    ])
      await expect(decryptText(text, PASSPHRASE, 'keys.enc')).rejects.toThrow(/keys\.enc: cannot be decrypted/);
    await expect(decryptText(KNOWN, new Secret('correct horses'), 'keys.enc')).rejects.toThrow(/passphrase is wrong/);
    for (const n of ['2', '1073741824', '16385'])
      await expect(decryptText(KNOWN.replace('16384', n), PASSPHRASE, 'keys.enc')).rejects.toThrow(/not an encrypted file/);
  });
});

describe('a secret', () => {
  it('prints as nothing of itself, wherever an object with it goes', () => {
    const secret = new Secret('canary "A+/=\u20ac');
    const holder = { key: secret, list: [secret], error: new Error(`x ${secret}`) };
    const texts = [`${secret}`, JSON.stringify(holder), inspect(holder, { depth: 9 }), String(holder.error)];
    expect(texts.filter((text) => text.includes('canary'))).toEqual([]);
    const leaks = [secret.reveal(), JSON.stringify(secret.reveal()), encodeURIComponent(secret.reveal())];
    expect(leaks.map((text) => redact(text, {})).filter((text) => text.includes('canary'))).toEqual([]);
  });
});

const entry = (name: string, mode: 'live' | 'demo' = 'demo') =>
  keyEntry(
    'bitget',
    name,
    { key: `key-of-${name}-0123456789`, secret: 's3cret', passphrase: 'p4ss', mode },
    { source: 'file', where: 'x' },
  );

function store(environment: NodeJS.ProcessEnv = {}, name = 'one') {
  const kept = new Map<string, string>();
  const keyring = async () => (account: string) => ({
    setPassword: (text: string) => void kept.set(account, text),
    getPassword: () => kept.get(account) ?? null,
    deletePassword: () => kept.delete(account),
  });
  const askPassphrase = async () => PASSPHRASE;
  const environmentOf = { XDG_CONFIG_HOME: join(folder, name), ...environment };
  return {
    keys: new KeyStore({ environment: environmentOf, askPassphrase, keyring, cost: 2 ** 14 }),
    path: join(folder, name, 'mdtool'),
  };
}

describe('the store of keys', () => {
  it.each(BACKENDS)('keeps, finds, lists and forgets a key: %s', async (backend) => {
    const { keys, path } = store({}, backend);
    await keys.add(entry('main'), backend);
    const found = await keys.find('bitget', 'main');
    expect([found?.key.reveal(), found?.secret.reveal(), found?.passphrase?.reveal(), found?.mode, found?.source]).toEqual([
      'key-of-main-0123456789',
      's3cret',
      'p4ss',
      'demo',
      backend,
    ]);
    await expect(keys.add(entry('main'), backend)).rejects.toThrow(/there is a key bitget\/main already/);
    keys.note(found as KeyEntry, 'read', '2026-11-28T00:00:00.000Z');
    expect(keys.list(['bitget'])).toMatchObject([{ exchange: 'bitget', name: 'main', ending: '6789', permissions: 'read' }]);
    expect(JSON.stringify(keys.list(['bitget']))).not.toContain('s3cret');
    if (backend === 'encrypted') expect(readFileSync(join(path, 'keys.enc'), 'utf8')).not.toContain('key-of-main');
    await keys.remove('bitget', 'main');
    expect(await keys.find('bitget', 'main')).toBeUndefined();
    await expect(keys.remove('bitget', 'main')).rejects.toThrow(/no key bitget\/main/);
  });

  it('writes a file for the user alone, and refuses one that others can read', async () => {
    const { keys, path } = store({}, 'modes');
    await keys.add(entry('main'), 'file');
    const file = join(path, 'keys.toml');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o640);
    await expect(keys.find('bitget', 'main')).rejects.toThrow(/other users can read it; run chmod 600/);
  });

  it('takes the environment first, also from files, and names what is wrong without its value', async () => {
    const file = join(folder, 'secret.txt');
    writeFileSync(file, 'from-file\n');
    const variables = { MDTOOL_BYBIT_KEY: 'k', MDTOOL_BYBIT_SECRET_FILE: file };
    const found = await store(variables).keys.find('bybit', 'default', 'demo');
    expect([found?.secret.reveal(), found?.mode, found?.source]).toEqual(['from-file', 'demo', 'environment']);
    const both = store({ ...variables, MDTOOL_BYBIT_SECRET: 'canary' }).keys.find('bybit', 'default');
    await expect(both).rejects.toThrow(/^environment: set MDTOOL_BYBIT_SECRET or MDTOOL_BYBIT_SECRET_FILE, not both$/);
    await expect(store({ MDTOOL_BYBIT_KEY: 'can\nary' }).keys.find('bybit', 'default')).rejects.toThrow(/^(?!.*ary)/s);
    await expect(store({ MDTOOL_BYBIT_KEY: 'k' }).keys.find('bybit', 'default')).rejects.toThrow(/the secret is missing/);
  });

  it('names the line of a broken file, not its content', async () => {
    const { keys, path } = store({}, 'broken');
    await keys.add(entry('main'), 'file');
    writeFileSync(join(path, 'keys.toml'), '[bitget.main]\nkey = "canary\n', { mode: 0o600 });
    const error = await keys.find('bitget', 'main').catch((reason: Error) => reason.message);
    expect(error).toMatch(/keys\.toml, line 2: not valid TOML$/);
  });
});
