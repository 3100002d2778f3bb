import { UsageError } from '../model/errors.js';
import { Secret } from '../secrets/secret.js';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\u007f', '\b']);
const INTERRUPT = '\u0003';

/** Asks on stderr for a text that the terminal does not show. Throws a `UsageError` without a terminal, and on Ctrl-C. */
async function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw new UsageError(`${question} is asked for on a terminal; without one use a _FILE variable or stdin`);
  stderr.write(`${question}: `);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').resume();
  try {
    return await typed(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function typed(stdin: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (settle: () => void) => {
      stdin.off('data', onData);
      settle();
    };
    const onData = (data: string) => {
      for (const character of data) {
        if (ENTER.has(character)) return end(() => resolve(text));
        if (character === INTERRUPT) return end(() => reject(new UsageError('cancelled')));
        text = ERASE.has(character) ? text.slice(0, -1) : text + character;
      }
    };
    stdin.on('data', onData);
  });
}

/** Asks for the passphrase of the encrypted file; a new one twice, since a slip would lose every key in it. */
export async function askPassphrase(isNew: boolean): Promise<Secret> {
  const first = await askHidden(isNew ? 'New passphrase of the key file' : 'Passphrase of the key file');
  if (first === '') throw new UsageError('the passphrase is empty');
  if (isNew && (await askHidden('The same again')) !== first) throw new UsageError('the two passphrases differ');
  return new Secret(first);
}

/** Fields of a key as a person or a program hands them over. */
type TypedKey = { readonly key: string; readonly secret: string; readonly passphrase?: string | undefined };

/**
 * Reads a key: from hidden prompts on a terminal, else as one line of JSON on stdin. Never from flags: those are visible in the
 * list of processes and in the history of the shell.
 */
export async function readKey(needsPassphrase: boolean): Promise<TypedKey> {
  if (!process.stdin.isTTY) return parseKey(await stdinText(), needsPassphrase);
  const key = await askHidden('API key');
  const secret = await askHidden('API secret');
  const passphrase = needsPassphrase ? await askHidden('Passphrase of the API key') : undefined;
  return checked({ key, secret, passphrase }, needsPassphrase);
}

function parseKey(text: string, needsPassphrase: boolean): TypedKey {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {}
  if (typeof fields !== 'object' || fields === null)
    throw new UsageError('stdin: expected one line of JSON such as {"key":"…","secret":"…","passphrase":"…"}');
  return checked(fields as Record<string, unknown>, needsPassphrase);
}

function checked({ key, secret, passphrase }: Record<string, unknown>, needsPassphrase: boolean): TypedKey {
  const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
  if (!isText(key)) throw new UsageError('the key is missing');
  if (!isText(secret)) throw new UsageError('the secret is missing');
  if (!needsPassphrase) return { key: key.trim(), secret: secret.trim() };
  if (!isText(passphrase)) throw new UsageError('the passphrase is missing: it was chosen with the key on the exchange');
  return { key: key.trim(), secret: secret.trim(), passphrase: passphrase.trim() };
}

async function stdinText(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks).toString('utf8');
}
