import type { AnyRecord } from '../../model/records.js';
import type { Sink } from '../../sinks/sink.js';
import { TextStream } from '../../sinks/stdout.js';
import { type Colors, createColors } from './colors.js';
import type { Terminal } from './table-sink.js';

/** Draws all records of a step at once, no wider than `width`; the text ends without a line end. */
export type Render = (
  records: readonly AnyRecord[],
  view: { readonly width: number; readonly colors: Colors },
) => string | Promise<string>;

/** What stands for a terminal whose width is not known, and for none. */
const DEFAULT_WIDTH = 100;

/** Returns a sink that shows what a command draws itself, when it is closed. */
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
