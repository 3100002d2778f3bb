import { defineConfig } from 'vitest/config';

/** What is published, held against the tools that others use on it: npm, systemd, Prometheus, buildah. Minutes, not seconds. */
export default defineConfig({
  test: {
    include: ['test/packaging/**/*.pack.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
