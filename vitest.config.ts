import { defineConfig } from 'vitest/config';

const BESIDE = ['test/bench/**', 'test/clickhouse/**', 'test/soak/**', 'node_modules/**'];

/** Files that wait for connections and processes most of their time. */
const LONG = [
  'test/integration/**/*.test.ts',
  'test/commands/{stream-*,live-*}.test.ts',
  'test/lib/storage/*-{crash,readers}.test.ts',
  'test/docs.test.ts',
];

/** Files that share a process, since their tests leave nothing behind in it: nothing that one file does can reach the next. */
const SHARED = ['test/lib/**/*.test.ts', 'test/commands/**/*.test.ts', 'test/{contract,fuzz,golden}/**/*.test.ts'];

export default defineConfig({
  test: {
    // By default one worker on two cores: many files wait for the processes and connections that they start.
    maxWorkers: 5,
    // Long enough for a busy machine: no test is about how long something takes.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
    // They begin in the order of their names, so that no long file is left for the end.
    projects: [
      { extends: true, test: { name: 'long', include: LONG } },
      { extends: true, test: { name: 'other', include: ['test/**/*.test.ts'], exclude: [...BESIDE, ...LONG, ...SHARED] } },
      // One process for many files: a third of their CPU was its start and the loading of the same modules.
      { extends: true, test: { name: 'shared', include: SHARED, exclude: [...BESIDE, ...LONG], isolate: false } },
    ],
  },
});
