import type { AccountClient } from '../../lib/account/client.js';
import { openAccount } from '../../lib/account/inspect.js';
import { balanceRecord, fillRecord, orderRecord, positionRecord } from '../../lib/account/records.js';
import { type AccountPart, type AccountSnapshot, readSnapshot } from '../../lib/account/snapshot.js';
import type { AnyRecord } from '../../lib/model/records.js';
import type { OpenedAccount } from './watch.js';

/** Opens accounts, all at once: clock, family, margin mode. Throws the error of the first that cannot be used. */
export function openAccounts(clients: readonly AccountClient[], warn: (text: string) => void): Promise<OpenedAccount[]> {
  return Promise.all(clients.map(async (client) => ({ client, facts: await openAccount(client, warn) })));
}

/** Yields the records of accounts, one batch per account. */
export async function* snapshots(
  accounts: readonly OpenedAccount[],
  { parts, since, onRejected }: { parts: readonly AccountPart[]; since: number; onRejected: (reason: string) => void },
): AsyncGenerator<AnyRecord[]> {
  for (const { client, facts } of accounts) {
    const snapshot = await readSnapshot(client, facts, parts, since);
    for (const reason of snapshot.rejected) onRejected(reason);
    yield recordsOf(client, snapshot);
  }
}

function recordsOf(client: AccountClient, snapshot: AccountSnapshot): AnyRecord[] {
  const { exchange, name, mode } = client.account;
  const owner = { exchange: exchange.id, account: name, mode };
  let last = Math.round(client.now() * 1_000);
  const arrival = () => last++;
  const stamped = () => ({ timestamp: snapshot.time, localTimestamp: arrival() });
  return [
    ...(snapshot.balances ?? []).map((row) => balanceRecord(row, owner, stamped())),
    ...(snapshot.positions ?? [])
      .filter(({ amount }) => Number(amount) !== 0)
      .map((row) => positionRecord(row, owner, stamped())),
    ...(snapshot.orders ?? []).map((row) => orderRecord(row, owner, arrival())),
    ...(snapshot.fills ?? []).map((row) => fillRecord(row, owner, arrival())),
  ];
}
