import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const BESIDE = ['test/bench/**', 'test/clickhouse/**', 'test/soak/**', 'node_modules/**'];

/** What begins first: files that wait for connections and processes most of their time, then those of commands and stores. */
const FIRST = [
  /^test\/(?:integration\/|docs\.test|commands\/(?:stream-|live-|grid-kills)|lib\/storage\/[\w-]+-(?:crash|readers)\.test)/,
  /^test\/(?:commands\/|lib\/storage\/|.*\/(?:store|study)\/)/,
];

/** Begins with the files that take longest, so that the last ones are short and both cores are busy to the end. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const path = relative(import.meta.dirname, moduleId).replaceAll('\\', '/');
      const at = FIRST.findIndex((pattern) => pattern.test(path));
      return at < 0 ? FIRST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: BESIDE,
    // By default one worker on two cores: many files wait for the processes and connections that they start.
    maxWorkers: 5,
    // One process for many files: half of the CPU of a short file is the start of its process and the loading of the same
    // modules. So a test leaves nothing behind in it: no variable, timer, server or changed module reaches the next file.
    isolate: false,
    sequence: { sequencer: LongFirst },
    // Long enough for a busy machine: no test is about how long something takes.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
