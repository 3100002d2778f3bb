import { counted } from '../../model/counted.js';
import type { Sink } from '../../sinks/sink.js';
import type { Claims } from '../../storage/journal/claims.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import { openStoreWriter } from '../../storage/store-writer.js';
import { maintenanceHere } from '../../storage/upkeep/maintenance.js';
import { maintenanceApart } from '../../storage/upkeep/maintenance-process.js';

/** A store to write to. */
export type StoreTarget = {
  readonly directory: string;
  /** Name of the writing step for messages: `stream`. */
  readonly step: string;
  /** Claims that keep a second step from capturing the same topics. */
  readonly claims?: Claims | undefined;
  /** Whether another process seals segments, so that sealing does not delay the step. */
  readonly sealedApart?: boolean | undefined;
};

/** Returns a sink for the store. `write` resolves when the records are in the journal; `close` seals them. */
export async function createStoreSink(
  { directory, step, claims, sealedApart = false }: StoreTarget,
  warn: (text: string) => void,
): Promise<Sink> {
  const maintenance = sealedApart ? ({ paths }: StoreContext) => maintenanceApart(paths.location) : maintenanceHere;
  const writer = await openStoreWriter(directory, { step, claims: claims?.initial ?? [], onWarning: warn, maintenance });
  claims?.heldBy((more) => writer.claim(more));
  let records = 0;
  return {
    output: 'store',
    async write(batch) {
      await writer.write(batch);
      for (const { type } of batch) if (type !== 'clock') records += 1;
    },
    async close() {
      const { repeated, contradicting, recovered } = await writer.close();
      if (recovered > 0) warn(`recovered ${counted(recovered, 'record')} from an interrupted run`);
      if (repeated > 0) warn(`${counted(repeated, 'duplicate record')} skipped`);
      return { output: 'store', records: records - contradicting, skipped: {}, rejected: contradictingText(contradicting) };
    },
    // Records in the journal were acknowledged: seal them even if another output has failed.
    async abort() {
      await writer.close().catch(() => {});
    },
  };
}

function contradictingText(count: number): string | undefined {
  if (count === 0) return undefined;
  return `${counted(count, 'trade has', 'trades have')} the id of another trade: the first one is stored`;
}
