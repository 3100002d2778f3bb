import type { Session } from '../exchange-server/index.js';
import { pick } from '../random.js';
import type { Stage } from './stage.js';

/** What a fault of the exchange needs: no capture of its own. */
type ExchangeStage = Pick<Stage, 'server' | 'market' | 'symbols' | 'random' | 'pass' | 'burst'>;
type Fault<On = Stage> = (stage: On) => Promise<void> | void;

/** Milliseconds of rule time: the server's rules count as much faster as the capture is treated. */
const BAN = 15_000;

/** What a capture fetches to fill holes, and the lists of instruments. */
const HISTORY = /fills|recent-trade/;
const INSTRUMENTS = /contracts|public\/symbols|v3\/market\/instruments|instruments-info/;
/** As many requests as a scenario can make. */
const ALL = 100_000;

const one = ({ server, random }: ExchangeStage): Session | undefined => pick(random, server.connections);
const some = (random: () => number, most: number): number => 1 + Math.floor(random() * most);

/** What can go wrong with an exchange, each in one line; those that take time return when the worst is over. */
export const EXCHANGE_FAULTS = {
  'drop all': ({ server }) => server.drop(),
  'drop one': (stage) => one(stage)?.drop(),
  'drop after n frames': ({ server, random }) => {
    server.faults.dropAfter(some(random, 20), some(random, 5));
    server.drop();
  },
  'refuse connects': ({ server, random }) => {
    server.faults.refuseConnects(some(random, 6), pick(random, ['cut', 429, 503] as const));
    server.drop();
  },
  'connection ban': ({ server }) => server.ban(BAN),
  'stall without closing': (stage) => one(stage)?.stall(),
  'network stands still': async (stage) => {
    const session = one(stage);
    session?.hold();
    await stage.pass(50 + 400 * stage.random());
    session?.release();
  },
  // A connection delivers in order: where it loses something, nothing that was sent later arrives, be it an answer.
  'lose trades across a drop': async (stage) => {
    const session = one(stage);
    session?.stall();
    await stage.pass(150 * stage.random());
    session?.drop();
  },
  duplicates: (stage) => one(stage)?.duplicate(some(stage.random, 30)),
  reordering: (stage) => one(stage)?.reorder(2 + some(stage.random, 4)),
  garbage: ({ server }) => {
    for (const session of server.connections) session.garbage();
  },
  'reject a whole batch': ({ server, random }) => {
    server.faults.rejectBatches(some(random, 3));
    server.drop();
  },
  'refuse a symbol': async ({ server, market, symbols, random, pass }) => {
    const symbol = pick(random, symbols);
    server.faults.refuseSymbol(market, symbol);
    server.drop();
    await pass(600 * random());
    server.faults.acceptSymbol(market, symbol);
  },
  'silence after a drop': async ({ server, market, symbols, random, pass }) => {
    const symbol = pick(random, symbols);
    server.faults.silence(market, symbol);
    server.drop();
    await pass(800 * random());
    server.faults.unsilence(market, symbol);
  },
  'REST 429': ({ server, random }) => server.faults.http({ kind: 'rate-limit' }, { times: some(random, 4), path: HISTORY }),
  'REST fails': ({ server, random }) => {
    const fault = pick(random, [{ kind: 'cut' }, { kind: 'answer', status: 503, body: 'maintenance' }] as const);
    server.faults.http(fault, { times: some(random, 4), path: HISTORY });
  },
  'REST late': ({ server, random }) =>
    server.faults.http({ kind: 'late', milliseconds: 100 + 500 * random() }, { times: some(random, 4), path: HISTORY }),
  'REST lists lag': async ({ server, random, pass }) => {
    server.faults.list({ lag: 200 + 1_500 * random(), path: pick(random, [HISTORY, /fills-history/]) });
    server.drop();
    await pass(600 * random());
    server.faults.restoreLists();
  },
  'REST lists short': ({ server, random }) => {
    const rows = pick(random, [0, 0, 10]);
    server.faults.list({ rows, times: some(random, 4), path: pick(random, [HISTORY, /fills-history/]) });
    server.drop();
  },
  'REST body broken': ({ server, random }) => {
    const kinds = ['half', 'cut-body', 'html'] as const;
    for (let left = some(random, 4); left > 0; left--) server.faults.http({ kind: pick(random, kinds) }, { path: HISTORY });
    server.drop();
  },
  'REST dribbles': ({ server, random }) => {
    server.faults.http({ kind: 'dribbled', milliseconds: 100 + 400 * random() }, { times: some(random, 4), path: HISTORY });
    server.drop();
  },
  'REST asks to wait': ({ server, random }) => {
    const retryAfter = { seconds: some(random, 2), form: pick(random, ['seconds', 'date'] as const) };
    const fault = pick(random, [{ kind: 'rate-limit' }, { kind: 'rate-limit', status: 429 }] as const);
    server.faults.http({ ...fault, retryAfter }, { path: HISTORY });
    server.drop();
  },
  'REST counts ranges otherwise': (stage) => {
    const { server, random } = stage;
    const range = pick(random, [
      { start: 1 },
      { end: -1 },
      { end: 1 },
      { start: 'ignored' },
      { end: 'ignored' },
      { hasInclusiveCursor: true },
    ] as const);
    server.faults.list({ range, times: some(random, 6), path: /fills-history/ });
    server.drop();
    // More than one page of the newest trades is missing then.
    stage.burst(150 * stage.symbols.length);
  },
  'REST slow for all': ({ server, random }) => {
    server.faults.http({ kind: 'late', milliseconds: 100 + 300 * random() }, { times: ALL, path: HISTORY });
    server.drop();
  },
  'cut in mid-frame': (stage) => one(stage)?.cutInFrame(),
  'messages in fragments': (stage) => one(stage)?.fragment(some(stage.random, 40), 2 + some(stage.random, 4)),
  'closed with a code': ({ server, random }) => {
    const [code, isForAll] = [pick(random, [1001, 1012]), random() < 0.5];
    const { connections } = server;
    for (const session of isForAll ? connections : [pick(random, connections)]) session?.close(code, 'service restart');
  },
  'late answers': ({ server, random }) => {
    server.faults.delayAnswers(50 + 500 * random(), some(random, 6));
    server.drop();
  },
  'unknown fields and topics': ({ server, random }) => {
    for (const session of server.connections) {
      session.extend(some(random, 30));
      session.strange();
    }
  },
  'trades fall mute': async ({ server, market, symbols, random, pass }) => {
    const symbol = pick(random, symbols);
    server.mute(market, symbol, 'trade');
    await pass(200 + 1_000 * random());
    if (random() < 0.4) server.unmute(market, symbol);
  },
  'books and tickers fall mute': async ({ server, market, symbols, random, pass }) => {
    const symbol = pick(random, symbols);
    for (const kind of ['book', 'ticker'] as const) server.mute(market, symbol, kind);
    await pass(600 * random());
    server.unmute(market, symbol);
  },
  'instrument list shrinks': async ({ server, random, pass }) => {
    const left = pick(random, [0, 0, 1]);
    server.faults.editRows(INSTRUMENTS, (rows) => rows.slice(0, left));
    await pass(200 + 1_500 * random());
    server.faults.restoreRows();
  },
  'instrument rows unreadable': async ({ server, random, pass }) => {
    const bad = pick(random, [null, 'row', {}, { symbol: 7 }]);
    const share = random();
    server.faults.editRows(INSTRUMENTS, (rows) => rows.map((row) => (random() < share ? bad : row)));
    await pass(200 + 1_000 * random());
    server.faults.restoreRows();
  },
  'break a sequence': ({ server, market, symbols, random }) => server.breakSequence(market, pick(random, symbols)),
  'break a checksum': ({ server, market, symbols, random }) => server.breakChecksum(market, pick(random, symbols)),
  'restart of books': ({ server, market, symbols, random }) => server.restartBooks(market, pick(random, symbols)),
} satisfies Record<string, Fault<ExchangeStage>>;

/** What can go wrong, with the exchange and with the capture. */
export const FAULTS = {
  ...EXCHANGE_FAULTS,
  'slow reader': async (stage: Stage) => {
    stage.capture.pauseReading();
    stage.burst(1_500);
    await stage.pass(300);
    stage.capture.resumeReading();
  },
  'stop and start': async (stage: Stage) => {
    await stage.stop();
    await stage.pass(300 * stage.random());
    await stage.start();
  },
  kill: async (stage: Stage) => {
    await stage.kill();
    await stage.pass(500 * stage.random() ** 2);
    await stage.start();
  },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** Those that only a capture of books notices. */
export const BOOK_FAULTS: ReadonlySet<FaultName> = new Set(['break a sequence', 'break a checksum', 'restart of books']);

/** After these a client cannot but knock in vain. */
export const BANS: ReadonlySet<FaultName> = new Set(['connection ban']);
