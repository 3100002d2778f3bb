import { candlesOfFiles, candlesOfStore } from '../../../lib/candles/store/candle-source.js';
import type { Plan } from '../../../lib/grid/planned.js';
import { type StressReport, StressTest } from '../../../lib/grid/stress.js';
import { counted } from '../../../lib/model/counted.js';
import type { Instrument } from '../../../lib/model/records.js';
import type { GridFlags } from './flags.js';

const STORE = 'store';
/** Default interval of stored candles: the smallest that most stores have, so the most detailed path. */
const STORED_INTERVAL = '1m';

/**
 * Runs `--stress` on the candles of the instrument, or of all candles without one. Calls `incomplete` once with the number
 * of lines that could not be read.
 */
export async function runStress(
  plan: Plan,
  flags: GridFlags,
  instrument: Instrument | undefined,
  incomplete: (reason: string) => void,
): Promise<StressReport> {
  const { stress: sources = [], interval: intervals, since, until, store } = flags;
  const selection = {
    exchange: instrument?.exchange,
    market: instrument?.market,
    symbol: instrument?.symbol,
    intervals,
    since,
    until,
  };
  const broken: string[] = [];
  const fromStore = sources.length === 1 && sources[0] === STORE;
  const candles = fromStore
    ? candlesOfStore(store, { ...selection, intervals: intervals ?? [STORED_INTERVAL] })
    : candlesOfFiles(sources, selection, (reason) => broken.push(reason));
  const test = new StressTest();
  for await (const candle of candles) test.add(candle);
  if (broken.length > 0) incomplete(`${counted(broken.length, 'candle line')} could not be read: ${broken[0]}`);
  return test.report(plan);
}
