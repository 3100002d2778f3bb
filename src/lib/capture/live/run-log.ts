import type { Statistics } from '../statistics.js';
import type { SupervisorEvents } from './connection-supervisor.js';

/** Receives the log lines of a run. */
export type LiveLog = {
  info(message: string): void;
  warn(message: string): void;
  /** A line that the closing summary repeats. */
  notice(message: string): void;
  incomplete(reason: string): void;
};

const NAMED_TOPICS = 3;

/** Counts and logs the connects, losses, refusals and stale topics of a run. */
export class RunLog {
  connects = 0;
  reconnects = 0;
  failures = 0;
  lastFailure = 'no connection was opened';
  readonly #statistics: Statistics;
  readonly #log: LiveLog;
  readonly #reached = new Set<string>();
  readonly #unreachable = new Map<string, string>();

  constructor(statistics: Statistics, log: LiveLog) {
    this.#statistics = statistics;
    this.#log = log;
  }

  /** One line per exchange that was never connected, with the last reason. */
  get unreachable(): readonly string[] {
    return [...this.#unreachable.values()];
  }

  /** Logs an exchange whose instrument list is unavailable. */
  unlisted(id: string, reason: string): void {
    this.#unreachable.set(id, reason);
    this.#log.notice(`${reason}; retrying while the others run`);
  }

  /** Returns the callbacks for the connection supervisors of an exchange. */
  createEvents(id: string): SupervisorEvents {
    return {
      connected: (url) => {
        this.connects += 1;
        this.#reached.add(id);
        this.#unreachable.delete(id);
        this.#log.info(`${id}: connected to ${url}`);
      },
      failed: (reason) => {
        this.failures += 1;
        this.lastFailure = `${id}: ${reason}`;
        if (!this.#reached.has(id)) this.#unreachable.set(id, this.lastFailure);
        this.#log.warn(this.lastFailure);
      },
      lost: (reason) => {
        this.reconnects += 1;
        this.#log.warn(`${id}: connection lost: ${reason}`);
      },
      refused: (topic, reason) => {
        const what = topic === '' ? 'a request' : topic;
        const isNew = this.#statistics.note(this.#statistics.refused, `${id} ${what}: ${reason}`);
        if (isNew) this.#log.notice(`${id}: refused ${what}: ${reason}`);
      },
      stale: (topics, why) => {
        const names = topics.slice(0, NAMED_TOPICS).join(', ') + (topics.length > NAMED_TOPICS ? ', …' : '');
        this.#log.warn(`${id}: ${topics.length} silent ${topics.length === 1 ? 'topic' : 'topics'} although ${why}: ${names}`);
      },
    };
  }
}
