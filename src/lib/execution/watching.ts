import { formatSize } from '../model/number-format.js';
import { isSatisfied, phaseOf } from './due.js';
import type { Turn } from './turn.js';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const STALLED = 10 * MINUTE;
/** Refusals within a minute for too many requests that are no news yet. */
const FEW_THROTTLES = 3;
const KEY_WARNING = 7 * DAY;
/** Milliseconds by which the clock of the host may differ from that of the exchange. */
const LARGEST_OFFSET = 1_000;
/** A journal that cannot grow ends the run. */
const LEAST_FREE = 64 * 1024 * 1024;
/** A condition is over beyond this share of its limit. */
const EASED = 0.8;

/** What lasts although nothing happens: called at every step. */
export function watch(turn: Turn): void {
  watchStall(turn);
  watchMargin(turn);
  watchKey(turn);
  const { throttledAt = [] } = turn.state;
  if (turn.at - (throttledAt.at(-1) ?? Number.NEGATIVE_INFINITY) > MINUTE) turn.clear('throttled');
}

/** Nothing could be read, or what should rest does not, for ten minutes. Ten minutes without a fill are normal. */
function watchStall(turn: Turn): void {
  const { state, config, at } = turn;
  state.stall ??= { read: at, met: at };
  if (state.ending !== undefined || isSatisfied(state, config, at)) state.stall.met = at;
  const { read, met } = state.stall;
  if (at - Math.min(read, met) < STALLED) {
    turn.clear('stalled');
    return;
  }
  const what = read <= met ? 'nothing could be read from the exchange' : 'what should rest on the exchange does not';
  turn.alarm('stalled', `trading stands still: ${what} for 10 minutes`);
}

/** The margin suffices again when the whole ladder rests: a push may say so before the answer to the order does. */
function watchMargin(turn: Turn): void {
  const { state, config, at } = turn;
  if (state.alarms.short === undefined || phaseOf(state) !== 'working') return;
  const isRefused = Object.values(state.deferred).some(({ cause }) => cause === 'funds' || cause === 'risk');
  if (!isRefused && isSatisfied(state, config, at)) turn.clear('short');
}

function watchKey(turn: Turn): void {
  const { keyExpires } = turn.state;
  const left = keyExpires === undefined ? Number.POSITIVE_INFINITY : keyExpires / 1_000 - turn.time;
  if (left > KEY_WARNING) turn.clear('key_expiry');
  else turn.alarm('key_expiry', `the key expires in ${Math.max(0, left / DAY).toFixed(1)} days: make a new one`, 'warning');
}

/** Takes how far the exchange's clock is ahead of the host's, milliseconds. */
export function takeOffset(turn: Turn, offset: number | undefined): void {
  if (offset === undefined) return;
  const size = Math.abs(offset);
  const side = offset > 0 ? 'behind' : 'ahead of';
  if (size > LARGEST_OFFSET)
    turn.alarm(
      'clock_offset',
      `the clock of this host is ${(size / 1_000).toFixed(1)} s ${side} the exchange's: set it by NTP`,
      'warning',
    );
  else if (size <= LARGEST_OFFSET * EASED) turn.clear('clock_offset');
}

/** Takes the bytes that are free where the journal is. */
export function takeSpace(turn: Turn, free: number): void {
  if (free < LEAST_FREE) turn.alarm('disk', `${formatSize(free)} of the disk are free: a journal that cannot grow ends the run`);
  else if (free > LEAST_FREE / EASED) turn.clear('disk');
}

/** Counts a refusal for too many requests. */
export function noteThrottle(turn: Turn): void {
  const { state, at } = turn;
  state.throttledAt = [...(state.throttledAt ?? []).filter((time) => at - time < MINUTE), at];
  const { length } = state.throttledAt;
  if (length > FEW_THROTTLES) turn.alarm('throttled', `the rate limit was exceeded ${length} times within a minute`, 'warning');
}
