import { defineConfig } from 'vitest/config';

const BESIDE = ['test/bench/**', 'test/clickhouse/**', 'test/soak/**', 'node_modules/**'];

/** Files that wait for connections and processes most of their time. */
const LONG = [
  'test/integration/**/*.test.ts',
  'test/commands/{stream-*,live-*}.test.ts',
  'test/lib/storage/*-{crash,readers}.test.ts',
  'test/docs.test.ts',
];

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
      // Each has a process of its own: in shared ones they took an eighth more CPU.
      { extends: true, test: { name: 'long', include: LONG } },
      // One process for many files: half of the CPU of a short file is the start of its process and the loading of the same
      // modules. So a test leaves nothing behind in it: no variable, timer, server or changed module reaches the next file.
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: [...BESIDE, ...LONG], isolate: false } },
    ],
  },
});
