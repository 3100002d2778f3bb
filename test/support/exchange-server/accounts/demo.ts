import { type AccountServer, type AccountServerOptions, startAccountServer } from './server.js';

/** A running exchange with two demo accounts, and the lines that tell how to use it. */
type Demo = { readonly server: AccountServer; readonly lines: readonly string[] };

/** Bitget's two accounts are of the two families that exclude each other; Bybit's are in one-way and in hedge mode. */
export async function startDemo(id: string, options: AccountServerOptions): Promise<Demo> {
  const server = await startAccountServer(id, options);
  const { desk } = server;
  const { about, ...settings } = desk.dialect.secondDemo;
  const [first, second] = [desk.open(), desk.open(settings)];
  const [one, other] = [desk.createKey(first), desk.createKey(second)];
  const lines = [
    ...exported(server.environment),
    '# a unified demo account in one-way mode with 10,000 USDT (a fake key: it works here only)',
    ...exported(server.keyVariables(one)),
    `# ${about} with 10,000 USDT, instead of the first`,
    ...exported(server.keyVariables(other)).map((line) => `# ${line}`),
  ];
  return { server, lines };
}

function exported(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${value}`);
}
