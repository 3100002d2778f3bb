/** Bytes of the magic number, of a frame's descriptor, of a block's header and of the checksum (RFC 8878, section 3.1.1). */
const [MAGIC, DESCRIPTOR, BLOCK, CHECKSUM] = [4, 1, 3, 4] as const;
/** The magic number of a skippable frame without its last four bits; the frame's size follows in four bytes. */
const SKIPPABLE = 0x184d2a5;
/** Block type of one byte that stands for many. */
const RUN = 1;

type Part = 'magic' | 'skippable' | 'descriptor' | 'block';
const SIZES: Readonly<Record<Part, number>> = { magic: MAGIC, skippable: 4, descriptor: DESCRIPTOR, block: BLOCK };

/**
 * Follows the frames of zstd by their sizes, without unpacking them.
 *
 * A file that is cut off would otherwise be read as a whole one: the decoder of Node ends without an error when its input
 * ends inside a frame.
 */
export class ZstdFrames {
  #part: Part = 'magic';
  #head = Buffer.alloc(SIZES.magic);
  #filled = 0;
  /** Bytes to come before the next part. */
  #skip = 0;
  #hasChecksum = false;

  /** Whether all bytes so far are whole frames. */
  get areWhole(): boolean {
    return this.#part === 'magic' && this.#filled === 0 && this.#skip === 0;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const passed = Math.min(this.#skip, chunk.length - at);
      this.#skip -= passed;
      at += passed;
      const copied = chunk.copy(this.#head, this.#filled, at, at + SIZES[this.#part] - this.#filled);
      this.#filled += copied;
      at += copied;
      if (this.#filled === SIZES[this.#part]) this.#follow();
    }
  }

  #follow(): void {
    const head = this.#head;
    this.#filled = 0;
    if (this.#part === 'magic') this.#part = head.readUInt32LE() >>> 4 === SKIPPABLE ? 'skippable' : 'descriptor';
    else if (this.#part === 'skippable') this.#next('magic', head.readUInt32LE());
    else if (this.#part === 'descriptor') this.#next('block', this.#restOfHeader(head[0] as number));
    else {
      const block = head.readUIntLE(0, BLOCK);
      const size = ((block >> 1) & 3) === RUN ? 1 : block >> 3;
      if ((block & 1) === 0) this.#next('block', size);
      else this.#next('magic', size + (this.#hasChecksum ? CHECKSUM : 0));
    }
  }

  #next(part: Part, skip: number): void {
    this.#part = part;
    this.#skip = skip;
  }

  /** Returns the bytes of a frame's header behind its descriptor: window, dictionary and size of the content. */
  #restOfHeader(descriptor: number): number {
    this.#hasChecksum = (descriptor & 4) !== 0;
    const isSingle = (descriptor & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
    const content = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
    return (isSingle ? 0 : 1) + dictionary + content;
  }
}
