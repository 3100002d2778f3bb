import type { AnyRecord } from '../../model/records.js';
import type { Sink } from '../../sinks/sink.js';
import { TextStream } from '../../sinks/stdout.js';
import { type Colors, createColors } from './colors.js';
import type { Terminal } from './table-sink.js';

/** Renders all records of a step at once, at most `width` wide, without a final line break. */
export type Render = (
  records: readonly AnyRecord[],
  view: { readonly width: number; readonly colors: Colors },
) => string | Promise<string>;

/** Width without a terminal, or of a terminal of unknown width. */
const DEFAULT_WIDTH = 100;

/** Returns a sink that renders its records when it is closed. */
export function createRenderedSink(stream: Terminal, render: Render): Sink {
  const text = new TextStream(stream);
  const records: AnyRecord[] = [];
  return {
    output: '-',
    async write(batch) {
      records.push(...batch);
    },
    async close() {
      const drawing = await render(records, { width: stream.columns ?? DEFAULT_WIDTH, colors: createColors(stream) });
      await text.write(`${drawing}\n`);
      await text.flush();
      return { output: '-', records: records.length, skipped: {} };
    },
    async abort() {},
  };
}
