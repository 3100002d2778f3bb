import type { SeenRequest } from './desk.js';

/** `arrived`: nothing has happened yet. `effective`: it was acted on and its answer is not sent yet. */
type GatePhase = 'arrived' | 'effective';

type Hook = {
  readonly isDue: (seen: SeenRequest) => boolean;
  readonly phase: GatePhase;
  readonly action: GateAction;
  left: number;
};

/** What happens at a hook; the request waits for it. `cut` ends its connection: at `arrived` it then never takes effect. */
type GateAction = (seen: SeenRequest) => 'cut' | undefined | Promise<'cut' | undefined>;

/** Holds requests at two points, so that a test can kill the client exactly there. */
export class RequestGate {
  readonly #hooks: Hook[] = [];

  /** Runs `action` once, at the request of that number (from 1, as `SeenRequest.number`). */
  at(number: number, phase: GatePhase, action: GateAction): void {
    this.when((seen) => seen.number === number, phase, action);
  }

  /** Runs `action` at the next `times` requests for which `isDue`. */
  when(isDue: (seen: SeenRequest) => boolean, phase: GatePhase, action: GateAction, times = 1): void {
    this.#hooks.push({ isDue, phase, action, left: times });
  }

  /** Returns whether the request may go on. */
  async passes(seen: SeenRequest, phase: GatePhase): Promise<boolean> {
    const hook = this.#hooks.find((one) => one.left > 0 && one.phase === phase && one.isDue(seen));
    if (!hook) return true;
    hook.left -= 1;
    return (await hook.action(seen)) !== 'cut';
  }
}
