import type { RestBudget } from '../redis/rest-budget.js';

/** Opens the REST budget in the Redis of `--queue`; without the flag nothing of Redis is loaded. Throws a `FailureError`. */
export async function openBudget(url: string | undefined, onTrouble: (message: string) => void): Promise<RestBudget | undefined> {
  if (url === undefined) return undefined;
  const { RestBudget } = await import('../redis/rest-budget.js');
  return await RestBudget.open({ url, flag: '--queue', onTrouble });
}
