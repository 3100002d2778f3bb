import type { Sink } from '../../sinks/sink.js';
import type { Claims } from '../../storage/journal/claims.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import { openStoreWriter } from '../../storage/store-writer.js';
import { maintenanceHere } from '../../storage/upkeep/maintenance.js';
import { maintenanceApart } from '../../storage/upkeep/maintenance-process.js';

/** What a step needs to write to a store. */
export type StoreTarget = {
  readonly directory: string;
  /** What writes, for people: `stream`. */
  readonly step: string;
  /** What no second step may capture meanwhile. */
  readonly claims?: Claims | undefined;
  /** Whether sealing must not disturb the step: it is done by another process then. */
  readonly sealedApart?: boolean | undefined;
};

/** Returns a sink for the store. `write` resolves when the records are in the journal; `close` seals them. */
export async function createStoreSink(
  { directory, step, claims, sealedApart = false }: StoreTarget,
  warn: (text: string) => void,
): Promise<Sink> {
  const maintenance = sealedApart ? ({ paths }: StoreContext) => maintenanceApart(paths.root) : maintenanceHere;
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
      const { repeated, recovered } = await writer.close();
      if (recovered > 0) warn(`recovered ${recovered} ${recovered === 1 ? 'record' : 'records'} from an interrupted run`);
      if (repeated > 0) warn(`${repeated} duplicate ${repeated === 1 ? 'record' : 'records'} skipped`);
      return { output: 'store', records, skipped: {} };
    },
    // What is in the journal was acknowledged: it is sealed even when another output has failed.
    async abort() {
      await writer.close().catch(() => {});
    },
  };
}
