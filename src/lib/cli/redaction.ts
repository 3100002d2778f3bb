const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^/\s@"']*@/gi;
const SECRET_PARAMETER = /\b(password|passphrase|secret|token|api[-_]?key|signature)=[^&\s"']+/gi;
const SECRET_NAME = /(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY)$/i;

/** Shorter values are words that occur everywhere; masking them would hide the message, not the secret. */
const SHORTEST_SECRET = 4;

/**
 * Returns a text in which no credential is left: those in URLs, those in query parameters, and the values of
 * environment variables whose name says that they are secret (`REDIS_PASSWORD`).
 */
export function redact(text: string, environment: NodeJS.ProcessEnv = process.env): string {
  let safe = text.replace(CREDENTIALS, '$1***@').replace(SECRET_PARAMETER, '$1=***');
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value.length >= SHORTEST_SECRET && SECRET_NAME.test(name)) safe = safe.replaceAll(value, '***');
  }
  return safe;
}
