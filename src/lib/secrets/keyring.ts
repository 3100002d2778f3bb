import { UsageError } from '../model/errors.js';

/** The part of `@napi-rs/keyring` that is used here. */
export type KeyringEntry = { setPassword(text: string): void; getPassword(): string | null; deletePassword(): boolean };
export type OpenKeyring = (account: string) => KeyringEntry;

const SERVICE = 'mdtool';
const PACKAGE = '@napi-rs/keyring';

/**
 * Returns access to the keyring of the operating system. Its package is installed by those who want it. Throws a `UsageError`
 * where it is missing.
 */
export async function openKeyring(): Promise<OpenKeyring> {
  try {
    const { Entry } = (await import(PACKAGE)) as { Entry: new (service: string, account: string) => KeyringEntry };
    return (account) => new Entry(SERVICE, account);
  } catch {
    throw new UsageError(`the keyring needs a package: npm install -g ${PACKAGE}; or use --backend encrypted`);
  }
}

/** Runs an access. Throws a `UsageError` where the host has no keyring, as on servers without a desktop. */
export function throughKeyring<Value>(access: () => Value): Value {
  try {
    return access();
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new UsageError(`the keyring of this host cannot be used (${reason}); use --backend encrypted`);
  }
}
