import { Flags } from '@oclif/core';
import { durationFlag, fractionOf, LONGEST_PAUSE, listOf } from '../../lib/cli/flags.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { formatDuration, SECOND } from '../../lib/model/time.js';
import { checkedRules, DEFAULT_RULES as D, GATES, type Gate, type SignalRules } from '../../lib/signals/rules.js';

const GATE = 'Gate';
const TRIGGER = 'Trigger';
const RISK = 'Risk';

const numberFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const number = finite(text);
    if (number === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return number;
  },
});
const fractionFlag = Flags.custom<number>({ helpValue: 'PERCENT', parse: async (text) => fractionOf(text).toNumber() });

const number = (summary: string, value: number, helpGroup: string) =>
  numberFlag({ summary, helpGroup, default: async () => value, defaultHelp: async () => `${value}` });
const fraction = (summary: string, value: number, helpGroup: string) =>
  fractionFlag({
    summary,
    helpGroup,
    default: async () => value,
    defaultHelp: async () => `${Number((value * 100).toPrecision(6))}%`,
  });
const duration = (summary: string, value: number, helpGroup: string) =>
  durationFlag({ summary, helpGroup, default: async () => value, defaultHelp: async () => formatDuration(value) });

/** The rules of signals; each is also a key of `[signals]` and of `[signals.symbols.SYMBOL]` in the configuration. */
export const ruleFlags = {
  gates: Flags.custom<readonly Gate[]>({
    summary: `Gates that are on, separated by commas: ${GATES.join(', ')}; none switches all off.`,
    helpValue: 'LIST',
    helpGroup: GATE,
    default: async () => GATES,
    defaultHelp: async () => 'all',
    parse: async (text) => gatesOf(text),
  })(),
  'max-spread-bps': number('spread: greatest spread, basis points.', D.maxSpreadBps, GATE),
  'min-atr': fraction('volatility: least ATR, a share of the price.', D.minAtr, GATE),
  'max-atr': fraction('volatility: greatest ATR.', D.maxAtr, GATE),
  'max-age': duration('age: greatest age of book and mark.', D.maxAge, GATE),
  'delta-z': number('Least delta_z of a long; a short needs the mirror.', D.deltaZ, TRIGGER),
  'imb-shift': number('Least imb_shift of a long.', D.imbShift, TRIGGER),
  'mark-dev-z': number('Least mark_dev_z of a long.', D.markDevZ, TRIGGER),
  cooldown: duration('Time between two signals of one symbol and side.', D.cooldown, TRIGGER),
  'stop-atr': number('Stop distance in ATR,', D.stop.atr, RISK),
  'stop-min': fraction('at least,', D.stop.min, RISK),
  'stop-max': fraction('at most.', D.stop.max, RISK),
  'take-profit-atr': number('Take profit in ATR,', D.takeProfit.atr, RISK),
  'take-profit-min': fraction('at least,', D.takeProfit.min, RISK),
  'take-profit-max': fraction('at most.', D.takeProfit.max, RISK),
  'trailing-atr': number('Trailing distance in ATR,', D.trailing.atr, RISK),
  'trailing-min': fraction('at least,', D.trailing.min, RISK),
  'trailing-max': fraction('at most.', D.trailing.max, RISK),
  'trailing-arm': fraction('Share of the take profit at which the trailing stop is armed.', D.trailingArm, RISK),
  timeout: duration('When a position is closed at the latest.', D.timeout, RISK),
};

/** How long the store is looked at. */
export const followFlags = {
  follow: Flags.boolean({ summary: 'Keep reading the store until stopped.' }),
  every: durationFlag({
    summary: 'Time between two looks at the store.',
    default: async () => 2 * SECOND,
    defaultHelp: async () => '2s',
    least: SECOND / 10,
    most: LONGEST_PAUSE,
  }),
};

export type RuleFlag = keyof typeof ruleFlags;
export const RULE_FLAGS = Object.keys(ruleFlags) as readonly RuleFlag[];

/** The parsed flags of rules. */
export type RuleValues = {
  readonly [Name in RuleFlag]: Name extends 'gates' ? readonly Gate[] : number;
};

/** Returns the rules that flag values stand for. Throws a `UsageError` that names `where` they stand. */
export function rulesOf(values: RuleValues, where: string): SignalRules {
  const distance = (name: 'stop' | 'take-profit' | 'trailing') => ({
    atr: values[`${name}-atr`],
    min: values[`${name}-min`],
    max: values[`${name}-max`],
  });
  return checkedRules(
    {
      gates: values.gates,
      maxSpreadBps: values['max-spread-bps'],
      minAtr: values['min-atr'],
      maxAtr: values['max-atr'],
      maxAge: values['max-age'],
      deltaZ: values['delta-z'],
      imbShift: values['imb-shift'],
      markDevZ: values['mark-dev-z'],
      cooldown: values.cooldown,
      stop: distance('stop'),
      takeProfit: distance('take-profit'),
      trailing: distance('trailing'),
      trailingArm: values['trailing-arm'],
      timeout: values.timeout,
    },
    where,
  );
}

function gatesOf(text: string): Gate[] {
  const names = text.trim() === 'none' ? [] : listOf(text);
  const unknown = names.find((name) => !(GATES as readonly string[]).includes(name));
  if (unknown !== undefined || (names.length === 0 && text.trim() !== 'none'))
    throw new UsageError(`expected gates out of ${GATES.join(', ')}, or none, was "${unknown ?? text}"`);
  return GATES.filter((gate) => names.includes(gate));
}
