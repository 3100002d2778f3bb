import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createNdjsonEncoder } from '../../../src/lib/sinks/ndjson.js';
import { ClosedOutputError } from '../../../src/lib/sinks/sink.js';
import { createStdoutSink } from '../../../src/lib/sinks/stdout.js';
import { tradeRecord } from '../../support/records.js';

/** A reader that takes one chunk whenever it is told to. */
class SlowReader extends Writable {
  readonly chunks: string[] = [];
  #next: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 10 });
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk.toString());
    this.#next = done;
  }

  take(): void {
    this.#next?.();
  }
}

describe('stdout sink', () => {
  it('waits for a slow reader', async () => {
    const reader = new SlowReader();
    const sink = createStdoutSink(createNdjsonEncoder(), reader);
    let written = false;
    const writing = sink.write([tradeRecord()]).then(() => {
      written = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(false);
    reader.take();
    await writing;
    expect(await sink.close()).toMatchObject({ output: '-', records: 1 });
  });

  it('tells a reader that left from a failure', async () => {
    const failing = (code: string) =>
      new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });
    const left = createStdoutSink(createNdjsonEncoder(), failing('EPIPE'));
    await expect(left.write([tradeRecord()])).rejects.toBeInstanceOf(ClosedOutputError);
    await expect(left.write([tradeRecord()])).rejects.toBeInstanceOf(ClosedOutputError);
    const broken = createStdoutSink(createNdjsonEncoder(), failing('EIO'));
    await expect(broken.write([tradeRecord()])).rejects.toThrow('EIO');
  });
});
