import { defineConfig } from 'vitest/config';

/** The full numbers behind what the suite samples: minutes instead of seconds. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
