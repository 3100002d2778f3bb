import { defineConfig } from 'vitest/config';

/** Tests of the suite that take their numbers from the environment. */
const RUNS = [
  'test/lib/execution/{scenarios,crash-points,model,parity,alerts}.test.ts',
  'test/lib/backtest/grid-snapshot.test.ts',
  'test/commands/grid-kills.test.ts',
  'test/lib/exchanges/frame-bytes.test.ts',
  'test/lib/features/store/file-features.test.ts',
  'test/fuzz/frames.test.ts',
  'test/lib/grid/{floating-filter,solve}.test.ts',
  'test/lib/capture/repair/trade-repair.test.ts',
  'test/lib/exchanges/bybit/plan.test.ts',
  'test/lib/backtest/properties.test.ts',
  'test/lib/backtest/study/{store-columns,column-source}.test.ts',
  'test/lib/signals/store/feature-files.test.ts',
];

/** What a variable of the caller says goes before these. */
const FULL = {
  MDTOOL_ALL_KINDS: '1',
  MDTOOL_FUZZ_CASES: '100000',
  MDTOOL_SAMPLES: '10',
  MDTOOL_CRASH_POINTS: 'all',
  MDTOOL_MODEL_RUNS: '2000',
  MDTOOL_PARITY_SEEDS: '100',
  MDTOOL_SNAPSHOT_RUNS: '20000',
  MDTOOL_RUN_KILLS: '1000',
  ...process.env,
};

/** The full numbers behind what the suite samples: minutes instead of seconds. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts', ...RUNS],
    env: FULL,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
