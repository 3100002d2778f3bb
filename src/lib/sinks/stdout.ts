import type { Writable } from 'node:stream';
import { systemReason } from '../disk/system-reason.js';
import { FailureError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import { ClosedOutputError, type Encoder, type Sink, type SinkReport } from './sink.js';

/** Text output to another process. Waits while that process is slow, and detects when it has gone. */
export class TextStream {
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error.code === 'EPIPE' ? new ClosedOutputError('stdout') : unwritable(error);
    });
  }

  /** Resolves when the stream is ready for more. Throws a `ClosedOutputError` when its reader has gone, a `FailureError` on a full disk. */
  async write(text: string | Uint8Array): Promise<void> {
    this.#check();
    if (text.length === 0 || this.#stream.write(text)) return;
    await this.#settled();
  }

  /** Resolves when everything has been handed to the operating system. */
  async flush(): Promise<void> {
    this.#check();
    if (this.#stream.writableLength > 0) await this.#settled();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }

  async #settled(): Promise<void> {
    const stream = this.#stream;
    await new Promise<void>((resolve) => {
      const done = () => {
        stream.off('drain', done).off('error', done).off('close', done);
        resolve();
      };
      stream.on('drain', done).on('error', done).on('close', done);
    });
    this.#check();
  }
}

function unwritable(error: Error): FailureError {
  return new FailureError(`cannot write stdout: ${systemReason(error)}`, { cause: error });
}

/** Returns the sink that writes encoded records to stdout. */
export function createStdoutSink(encoder: Encoder, stream: Writable = process.stdout): Sink {
  const text = new TextStream(stream);
  const report = (): SinkReport => ({ output: '-', records: encoder.records, skipped: encoder.skipped });
  return {
    output: '-',
    write: (records: readonly AnyRecord[]) => text.write(encoder.encode(records)),
    async close() {
      await text.write(encoder.encode([]));
      await text.write(encoder.end?.() ?? '');
      await text.flush();
      return report();
    },
    async abort() {},
  };
}
