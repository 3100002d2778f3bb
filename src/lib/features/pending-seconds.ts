import { SecondInputs } from './second-inputs.js';

/**
 * The inputs of the seconds without a row, in order of time. A Map would keep them alive for long: it is filled up as fast as it
 * is emptied, makes a new table each time, and each old one holds what was in it until the collector has gone through all memory.
 */
export class PendingSeconds {
  readonly #starts: number[] = [];
  readonly #inputs: SecondInputs[] = [];

  /** Start of the first second, undefined without any. */
  get first(): number | undefined {
    return this.#starts[0];
  }

  /** Returns the inputs of a second; undefined where it has none. */
  find(second: number): SecondInputs | undefined {
    const place = this.#placeOf(second);
    return this.#starts[place] === second ? this.#inputs[place] : undefined;
  }

  /** Adds a second without inputs. */
  begin(second: number): SecondInputs {
    const inputs = new SecondInputs();
    const place = this.#placeOf(second);
    if (place === this.#starts.length) {
      this.#starts.push(second);
      this.#inputs.push(inputs);
    } else {
      this.#starts.splice(place, 0, second);
      this.#inputs.splice(place, 0, inputs);
    }
    return inputs;
  }

  /** Removes the first second and returns its inputs; undefined where `second` is not the first. */
  take(second: number): SecondInputs | undefined {
    if (this.#starts[0] !== second) return undefined;
    this.#starts.shift();
    return this.#inputs.shift();
  }

  /** Returns the place of the first second that does not begin before; most inputs are of the last one. */
  #placeOf(second: number): number {
    let place = this.#starts.length;
    while (place > 0 && (this.#starts[place - 1] as number) >= second) place -= 1;
    return place;
  }
}
