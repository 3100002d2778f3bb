/**
 * Returns the proxy that the environment names for a WebSocket URL, undefined for none: `HTTPS_PROXY` for `wss:`,
 * `HTTP_PROXY` for `ws:`, `ALL_PROXY` for both, lower case first, unless `NO_PROXY` lists the host (`*`, a name and
 * what ends in it, each with an optional port).
 */
export function proxyOf(url: URL, environment: NodeJS.ProcessEnv): string | undefined {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined;
  if (isExempt(url, variable('NO_PROXY') ?? '')) return undefined;
  return variable(url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? variable('ALL_PROXY');
}

function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const ownPort = port || (protocol === 'wss:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const suffix = name.replace(/^\*?\./, '').toLowerCase();
      const matches = hostname === suffix || hostname.endsWith(`.${suffix}`);
      return matches && (entryPort === undefined || entryPort === ownPort);
    });
}
