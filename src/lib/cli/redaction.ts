import { masked } from '../secrets/secret.js';

const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^/\s@"']*@/gi;
const SECRET_PARAMETER = /\b(password|passphrase|secret|token|api[-_]?key|signature)=[^&\s"']+/gi;
const SECRET_NAME = /(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY)$|^MDTOOL_\w+_KEY$/i;

/** Minimum length of a masked value. A shorter one is often a common word; masking it would garble the message. */
const SHORTEST_SECRET = 4;

/**
 * Returns a text without credentials: keys of exchanges, those in URLs and in query parameters, and values of environment
 * variables with a secret's name (`REDIS_PASSWORD`, `MDTOOL_BITGET_KEY`).
 */
export function redact(text: string, environment: NodeJS.ProcessEnv = process.env): string {
  let safe = text.replace(CREDENTIALS, '$1***@').replace(SECRET_PARAMETER, '$1=***');
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value.length >= SHORTEST_SECRET && SECRET_NAME.test(name)) safe = safe.replaceAll(value, '***');
  }
  return masked(safe);
}
