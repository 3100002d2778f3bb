import { type Count, count, digest, lineOf, shortened } from './digest.js';
import { isAtLeast, type Notice, openKey, type Severity } from './notice.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** Routine notices wait this long for others. */
const MERGE_WINDOW = 3 * SECOND;
/** More waiting routine notices than this are only counted. */
const LARGEST_BACKLOG = 1_000;
const MOST_ALARMS = 1_000;
/** More waiting alarms than this share messages, each with a line of its own. */
const ALONE = 10;
/** Of the messages of a minute, these are left to alarms. */
const RESERVED = 5;
const BETWEEN = SECOND;
const FIRST_PAUSE = SECOND;
const LONGEST_PAUSE = MINUTE;
const REFUSED_PAUSE = MINUTE;
/** A routine message that the server refuses this often is given up. */
const MOST_REFUSALS = 3;
/** An alarm that goes on is repeated after this long. */
const REMINDER = 60 * MINUTE;
/** Open alarms that are remembered. */
const REMEMBERED = 500;

/** `at`: monotonic milliseconds, for pauses; `time`: microseconds of the wall clock, for ages. */
export type Moment = { readonly at: number; readonly time: number };

export type QueuePolicy = {
  /** Characters of a message. */
  readonly limit: number;
  readonly perMinute: number;
  readonly minimum: Severity;
  /** Whether the sink wants it at all. */
  readonly accepts?: ((notice: Notice) => boolean) | undefined;
  /** Whether only alarms may be sent at a time of the wall clock. */
  readonly isQuiet?: ((time: number) => boolean) | undefined;
};

/** A message on its way. */
export type Message = {
  /** Of its first notice; the same when it is sent again. */
  readonly id: string;
  readonly severity: Severity;
  readonly kind: string;
  readonly text: string;
  /** Notices with a line or a count of their own. */
  readonly notices: readonly Notice[];
  /** Notices that were only counted, of a backlog. */
  readonly backlog: ReadonlyMap<string, Count>;
};

/** What a sink made of a message. */
export type Delivery =
  | { readonly kind: 'delivered' }
  /** It may pass later; `pause` (ms) is what the server asked for. */
  | { readonly kind: 'failed'; readonly reason: string; readonly pause?: number | undefined }
  /** The server will not take it: a wrong token, a chat that is gone, a text that it refuses. */
  | { readonly kind: 'refused'; readonly reason: string };

/** How far one source is delivered: everything up to `seq`, and the numbers of `ahead`. */
export type Progress = { readonly seq: number; readonly ahead: readonly number[]; readonly open: readonly string[] };

/** An alarm that lasts. One that nobody has received is not remembered over a restart: it is read again, and must not be a repeat. */
type Open = { key: string; at: number; repeats: number; isDelivered: boolean };

/**
 * Decides what one sink is sent and when. Without it, a chat that answers slowly would hold alarms behind hundreds of routine
 * messages, and 500 fills would be 500 messages. Alarms go first and alone; routine notices of 3 s make one message; repeats are
 * suppressed until they are cleared; nothing counts as delivered before the sink has said so.
 */
export class SinkQueue {
  readonly #policy: QueuePolicy;
  #alarms: Notice[] = [];
  /** When alarms arrived here. */
  readonly #arrived = new WeakMap<Notice, number>();
  #routine: Notice[] = [];
  #backlog = new Map<string, Count>();
  /** When the oldest waiting routine notice arrived. */
  #since = 0;
  #sent: number[] = [];
  /** Until when nothing is sent; monotonic milliseconds. */
  pausedUntil = 0;
  #failures = 0;
  #flight: Message | undefined;
  readonly #refusals = new Map<string, number>();
  /** By cause; the key is that of the alarm that lasts. */
  readonly #open = new Map<string, Open>();
  readonly #last = new Map<string, number>();
  readonly #ahead = new Map<string, Set<number>>();
  /** Numbers up to which another process has delivered. */
  readonly #from = new Map<string, number>();
  /** Notices that were given up: alarms older than 24 h, routine messages that the server refuses. */
  lost = 0;

  constructor(policy: QueuePolicy) {
    this.#policy = policy;
  }

  /** Continues where another process has ended. */
  restore(source: string, { seq, ahead, open }: Progress, { at }: Moment): void {
    this.#last.set(source, seq);
    this.#from.set(source, seq);
    this.#ahead.set(source, new Set(ahead));
    for (const cause of open) {
      const [key = ''] = JSON.parse(cause) as string[];
      this.#open.set(cause, { key, at, repeats: 0, isDelivered: true });
    }
  }

  progress(source: string): Progress {
    const waiting = this.#waiting(source);
    const last = this.#last.get(source) ?? -1;
    const seq = waiting === undefined ? last : Math.min(last, waiting - 1);
    const ahead = this.#ahead.get(source) ?? new Set<number>();
    for (const one of ahead) if (one <= seq) ahead.delete(one);
    const isOf = ({ key, isDelivered }: Open) => isDelivered && (JSON.parse(key) as string[])[0] === source;
    const open = [...this.#open].filter(([, one]) => isOf(one)).map(([cause]) => cause);
    return { seq, ahead: [...ahead], open };
  }

  /** Alarms that no one has confirmed yet. */
  get urgent(): number {
    const flying = this.#flight?.notices.filter(({ severity }) => severity === 'alarm').length ?? 0;
    return this.#alarms.length + flying;
  }

  get waiting(): number {
    const counted = [...this.#backlog.values()].reduce((sum, one) => sum + one.count, 0);
    const flying = this.#flight ? this.#flight.notices.length + sizeOf(this.#flight.backlog) : 0;
    return this.#alarms.length + this.#routine.length + counted + flying;
  }

  /** Says that a source was read up to a number, and that nothing of it is waited for. */
  pass(source: string, seq: number): void {
    this.#last.set(source, Math.max(seq, this.#last.get(source) ?? -1));
  }

  /** Takes a notice; what the sink does not want, or has, is dropped here. */
  take(notice: Notice, moment: Moment): void {
    const { source, seq } = notice;
    if (seq <= (this.#from.get(source) ?? -1) || this.#ahead.get(source)?.has(seq)) return;
    this.pass(source, seq);
    const wasOpen = notice.clears !== undefined && this.#close(openKey(notice, notice.clears));
    const { accepts, minimum } = this.#policy;
    if (accepts && !accepts(notice)) return;
    // Who got the alarm gets its end, too.
    if (!wasOpen && !isAtLeast(notice.severity, minimum)) return;
    if (notice.severity !== 'routine' && this.#isRepeat(notice, moment)) return;
    this.#arrived.set(notice, moment.at);
    if (notice.severity !== 'alarm') this.#wait(notice, moment);
    else if (this.#alarms.length < MOST_ALARMS) this.#alarms.push(notice);
    // Who reads the chat after a night of alarms needs their number, and memory has an end.
    else {
      if (this.#routine.length + this.#backlog.size === 0) this.#since = moment.at;
      count(this.#backlog, notice);
    }
  }

  /** Returns the message to send now, when to ask again, or undefined while there is nothing to wait for. */
  next(moment: Moment): { readonly send: Message } | { readonly at: number } | undefined {
    const { at, time } = moment;
    if (this.#flight) return undefined;
    this.#expire(at);
    const isWaiting = this.#routine.length + this.#backlog.size > 0;
    if (this.#alarms.length === 0 && !isWaiting) return undefined;
    const alarmAt = this.#alarms.length > 0 ? this.#allowedAt(at, this.#policy.perMinute) : Number.POSITIVE_INFINITY;
    if (alarmAt <= at) return { send: this.#fly(this.#alarmMessage(time), at) };
    const isQuiet = this.#policy.isQuiet?.(time) ?? false;
    // A quiet time ends by the wall clock, which may be set: look again soon.
    const due = Math.max(this.#since + MERGE_WINDOW, isQuiet ? at + 10 * SECOND : 0);
    const share = Math.max(1, this.#policy.perMinute - RESERVED);
    const routineAt = isWaiting ? Math.max(due, this.#allowedAt(at, share)) : Number.POSITIVE_INFINITY;
    if (routineAt <= at) return { send: this.#fly(this.#routineMessage(time), at) };
    return { at: Math.min(alarmAt, routineAt) };
  }

  /** Sends what waits without the pause for others: the step is ending. */
  hurry(): void {
    this.#since = Number.NEGATIVE_INFINITY;
  }

  settle(delivery: Delivery, { at }: Moment): void {
    const message = this.#flight;
    if (!message) return;
    this.#flight = undefined;
    if (delivery.kind === 'delivered') this.#delivered(message);
    else if (delivery.kind === 'refused') this.#refused(message, at);
    else {
      this.#failures += 1;
      const own = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
      this.pausedUntil = at + Math.max(delivery.pause ?? 0, delivery.pause === undefined ? own : 0);
      this.#putBack(message, false);
    }
  }

  #wait(notice: Notice, { at }: Moment): void {
    if (this.#routine.length + this.#backlog.size === 0) this.#since = at;
    this.#routine.push(notice);
    if (this.#routine.length <= LARGEST_BACKLOG) return;
    for (const one of this.#routine) count(this.#backlog, one);
    this.#routine = [];
  }

  /** Whether the same alarm is open already; after an hour it is sent again, with the number of repeats. */
  #isRepeat(notice: Notice, { at }: Moment): boolean {
    if (notice.cause === undefined) return false;
    const key = openKey(notice, notice.kind);
    const cause = causeOf(notice);
    const open = this.#open.get(cause);
    if (open && at - open.at < REMINDER) {
      open.repeats += 1;
      return true;
    }
    this.#open.delete(cause);
    this.#open.set(cause, { key, at, repeats: open?.repeats ?? 0, isDelivered: false });
    if (this.#open.size > REMEMBERED) this.#open.delete(this.#open.keys().next().value as string);
    return false;
  }

  #close(key: string): boolean {
    const causes = [...this.#open].filter(([, open]) => open.key === key);
    for (const [cause] of causes) this.#open.delete(cause);
    return causes.length > 0;
  }

  #expire(at: number): void {
    const kept = this.#alarms.filter((notice) => at - (this.#arrived.get(notice) ?? at) <= DAY);
    this.lost += this.#alarms.length - kept.length;
    this.#alarms = kept;
  }

  /** When the next message may leave, where `most` may within a minute. */
  #allowedAt(at: number, most: number): number {
    this.#sent = this.#sent.filter((one) => at - one < MINUTE);
    const last = this.#sent.at(-1);
    const spaced = last === undefined ? 0 : last + BETWEEN;
    const full = this.#sent.length < most ? 0 : (this.#sent[this.#sent.length - most] as number) + MINUTE;
    return Math.max(this.pausedUntil, spaced, full);
  }

  #alarmMessage(time: number): Message {
    const { limit } = this.#policy;
    const [first] = this.#alarms as [Notice];
    const lines = [shortened(this.#line(first, time), limit)];
    let length = (lines[0] as string).length;
    // With more alarms than a minute has messages, the last would arrive long after the first.
    const most = this.#alarms.length > ALONE ? this.#alarms.length : 1;
    while (lines.length < most) {
      const line = this.#line(this.#alarms[lines.length] as Notice, time);
      length += line.length + 1;
      if (length > limit) break;
      lines.push(line);
    }
    return messageOf(this.#alarms.splice(0, lines.length), new Map(), lines.join('\n'));
  }

  #line(notice: Notice, time: number): string {
    return lineOf(notice, time, this.#open.get(causeOf(notice))?.repeats);
  }

  #routineMessage(time: number): Message {
    const [notices, backlog] = [this.#routine, this.#backlog];
    this.#routine = [];
    this.#backlog = new Map();
    return messageOf(notices, backlog, digest(notices, backlog.values(), this.#policy.limit, time));
  }

  #fly(message: Message, at: number): Message {
    this.#sent.push(at);
    this.#flight = message;
    return message;
  }

  #delivered(message: Message): void {
    this.#failures = 0;
    this.#refusals.delete(message.id);
    for (const notice of message.notices) {
      const ahead = this.#ahead.get(notice.source) ?? new Set();
      this.#ahead.set(notice.source, ahead.add(notice.seq));
      const open = this.#open.get(causeOf(notice));
      if (open) open.isDelivered = true;
    }
    for (const source of new Set(message.notices.map((notice) => notice.source))) this.progress(source);
  }

  #refused(message: Message, at: number): void {
    this.pausedUntil = at + REFUSED_PAUSE;
    const refusals = (this.#refusals.get(message.id) ?? 0) + 1;
    this.#refusals.set(message.id, refusals);
    if (isAlarm(message) || refusals < MOST_REFUSALS) {
      // One text that the server refuses must not hold the alarms behind it.
      this.#putBack(message, true);
      return;
    }
    this.#refusals.delete(message.id);
    this.lost += message.notices.length + sizeOf(message.backlog);
  }

  #putBack(message: Message, toEnd: boolean): void {
    const { notices, backlog } = message;
    if (isAlarm(message)) {
      this.#alarms = toEnd ? [...this.#alarms, ...notices] : [...notices, ...this.#alarms];
      return;
    }
    const arrived = [...this.#backlog.values()];
    this.#backlog = new Map([...backlog].map(([key, one]) => [key, { ...one }]));
    for (const one of arrived) merge(this.#backlog, one);
    this.#routine = [...notices, ...this.#routine];
    if (this.#routine.length <= LARGEST_BACKLOG) return;
    for (const one of this.#routine) count(this.#backlog, one);
    this.#routine = [];
  }

  /** The lowest number of a source that is not delivered. */
  #waiting(source: string): number | undefined {
    const flight = this.#flight;
    const notices = [...this.#alarms, ...this.#routine, ...(flight?.notices ?? [])];
    const counts = [...this.#backlog.values(), ...(flight?.backlog.values() ?? [])];
    const numbers = [
      ...notices.filter((notice) => notice.source === source).map(({ seq }) => seq),
      ...counts.filter((one) => one.source === source).map(({ first }) => first),
    ];
    return numbers.length === 0 ? undefined : Math.min(...numbers);
  }
}

/** Whether a message holds alarms alone. */
function isAlarm({ notices, backlog }: Message): boolean {
  return backlog.size === 0 && notices.every(({ severity }) => severity === 'alarm');
}

function causeOf(notice: Notice): string {
  return JSON.stringify([openKey(notice, notice.kind), notice.cause ?? '']);
}

function messageOf(notices: readonly Notice[], backlog: ReadonlyMap<string, Count>, text: string): Message {
  const [first] = notices;
  const [oldest] = backlog.values();
  const id = oldest ? `${oldest.source}/${oldest.first}` : `${first?.source}/${first?.seq}`;
  const severity = [...notices, ...backlog.values()].reduce<Severity>(
    (most, one) => (isAtLeast(one.severity, most) ? one.severity : most),
    'routine',
  );
  return { id, severity, kind: notices.length === 1 && first ? first.kind : 'digest', text, notices, backlog };
}

function merge(counts: Map<string, Count>, one: Count): void {
  const key = JSON.stringify([one.source, one.many, one.severity]);
  const known = counts.get(key);
  if (!known) counts.set(key, one);
  else {
    known.first = Math.min(known.first, one.first);
    known.last = Math.max(known.last, one.last);
    known.count += one.count;
  }
}

function sizeOf(counts: ReadonlyMap<string, Count>): number {
  return [...counts.values()].reduce((sum, one) => sum + one.count, 0);
}
