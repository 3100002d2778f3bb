import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/soak/**', 'node_modules/**'],
    // By default one worker on two cores: most files wait for the processes and connections that they start.
    maxWorkers: 3,
    // Long enough for a busy machine: no test is about how long something takes.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
