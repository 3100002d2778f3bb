/** What an own order is for. */
export type Role = 'entry' | 'level' | 'take_profit' | 'close' | 'stop';

/** The parts of a client id. `number` is the level, or the generation of a take profit or stop. */
type ClientIdParts = {
  /** Six characters, made when the run is created: two runs never share an id. */
  readonly run: string;
  /** Three characters, made at each start of a process: two copies of one database never share an id. */
  readonly start: string;
  readonly cycle: number;
  readonly role: Role;
  readonly number: number;
  readonly attempt: number;
};

const LETTERS: Readonly<Record<Role, string>> = { entry: 'E', level: 'L', take_profit: 'T', close: 'X', stop: 'S' };
const ROLES = new Map(Object.entries(LETTERS).map(([role, letter]) => [letter, role as Role]));
const FORM = /^m-([0-9a-z]{6})-([0-9a-z]{3})-([0-9a-z]{1,6})-([ELTXS])([0-9]{0,5})-([0-9a-z]{1,4})$/;

/** Returns `m-run-start-cycle-role-attempt`: at most 32 characters that both exchanges accept, and that explain an order by itself. */
export function clientIdOf({ run, start, cycle, role, number, attempt }: ClientIdParts): string {
  const width = { entry: 0, level: 2, take_profit: 4, close: 0, stop: 4 }[role];
  const digits = width === 0 ? '' : String(number).padStart(width, '0');
  return `m-${run}-${start}-${cycle.toString(36)}-${LETTERS[role]}${digits}-${attempt.toString(36)}`;
}

/** Returns the parts of an id, undefined for one that no run has made. */
export function parseClientId(text: string | undefined): ClientIdParts | undefined {
  const [, run, start, cycle, letter, digits, attempt] = FORM.exec(text ?? '') ?? [];
  const role = ROLES.get(letter ?? '');
  if (run === undefined || start === undefined || role === undefined) return undefined;
  return {
    run,
    start,
    cycle: Number.parseInt(cycle as string, 36),
    role,
    number: Number(digits || 0),
    attempt: Number.parseInt(attempt as string, 36),
  };
}

/** Identifies what an order is for within a cycle: at most one order of a role may be live. */
export function roleKey({ role, number }: Pick<ClientIdParts, 'role' | 'number'>): string {
  return role === 'level' ? `level ${number}` : role.replace('_', ' ');
}
