import * as Flags from '@oclif/core/flags';
import { UsageError } from '../model/errors.js';
import { finite } from '../model/numbers.js';
import { didYouMean } from '../model/suggestion.js';
import { formatDuration } from '../model/time.js';
import { checkedRules, DEFAULT_RULES as D, GATES, type Gate, type SignalRules, type Trigger } from '../signals/rules.js';
import { TRIGGERS } from '../signals/triggers.js';
import { durationFlag, fractionOf, listOf } from './flags.js';

const GATE = 'Gate';
const TRIGGER = 'Trigger';
const RISK = 'Risk';
/** Without a list the triggers are those of mdtool, and the rules, of which the id of a signal is a hash, stay the same. */
const NO_TRIGGERS: readonly Trigger[] = [];

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
    summary: `Gates to apply, separated by commas: ${GATES.join(', ')}; none switches all off.`,
    helpValue: 'LIST',
    helpGroup: GATE,
    default: async () => GATES,
    defaultHelp: async () => 'all',
    parse: async (text) => gatesOf(text),
  })(),
  'max-spread-bps': number('spread: maximum spread in basis points.', D.maxSpreadBps, GATE),
  'min-atr': fraction('volatility: minimum ATR, a share of the price.', D.minAtr, GATE),
  'max-atr': fraction('volatility: maximum ATR, a share of the price.', D.maxAtr, GATE),
  'max-age': duration('age: maximum age of book and mark price.', D.maxAge, GATE),
  triggers: Flags.custom<readonly Trigger[]>({
    summary: 'Features that must agree; NAME=N sets a threshold, which one of your own needs.',
    helpValue: 'LIST',
    helpGroup: TRIGGER,
    default: async () => NO_TRIGGERS,
    defaultHelp: async () => TRIGGERS.map(({ feature }) => feature).join(','),
    parse: async (text) => triggersOf(text),
  })(),
  'delta-z': number('Minimum delta_z of a long; a short needs the mirror.', D.deltaZ, TRIGGER),
  'imb-shift': number('Minimum imb_shift of a long.', D.imbShift, TRIGGER),
  'mark-dev-z': number('Minimum mark_dev_z of a long.', D.markDevZ, TRIGGER),
  cooldown: duration('Minimum time between two signals of one symbol and side.', D.cooldown, TRIGGER),
  'stop-atr': number('Stop distance, multiple of the ATR.', D.stop.atr, RISK),
  'stop-min': fraction('Minimum stop distance.', D.stop.min, RISK),
  'stop-max': fraction('Maximum stop distance.', D.stop.max, RISK),
  'take-profit-atr': number('Take-profit distance, multiple of the ATR.', D.takeProfit.atr, RISK),
  'take-profit-min': fraction('Minimum take-profit distance.', D.takeProfit.min, RISK),
  'take-profit-max': fraction('Maximum take-profit distance.', D.takeProfit.max, RISK),
  'trailing-atr': number('Trailing distance, multiple of the ATR.', D.trailing.atr, RISK),
  'trailing-min': fraction('Minimum trailing distance.', D.trailing.min, RISK),
  'trailing-max': fraction('Maximum trailing distance.', D.trailing.max, RISK),
  'trailing-arm': fraction('Share of the take profit at which the trailing stop is armed.', D.trailingArm, RISK),
  timeout: duration('Maximum time in a position.', D.timeout, RISK),
};

export type RuleFlag = keyof typeof ruleFlags;
export const RULE_FLAGS = Object.keys(ruleFlags) as readonly RuleFlag[];

/** The parsed flags of rules. */
export type RuleValues = {
  readonly [Name in RuleFlag]: Name extends 'gates' ? readonly Gate[] : Name extends 'triggers' ? readonly Trigger[] : number;
};

/** Returns the rules of flag values. Throws a `UsageError` that names their place `where`. */
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
      ...(values.triggers.length > 0 && { triggers: values.triggers }),
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

function triggersOf(text: string): Trigger[] {
  const triggers = listOf(text).map((part): Trigger => {
    const [, feature, value] = /^([a-z][a-z0-9_]*)(?:=(.+))?$/.exec(part) ?? [];
    const threshold = value === undefined ? undefined : finite(value);
    if (feature === undefined || (value !== undefined && threshold === undefined))
      throw new UsageError(`expected NAME or NAME=N, was "${part}"`);
    const known = TRIGGERS.map((trigger) => trigger.feature as string);
    if (threshold === undefined && !known.includes(feature))
      throw new UsageError(`${feature} needs a threshold, ${feature}=N${didYouMean(feature, known)}`);
    return threshold === undefined ? { feature } : { feature, threshold };
  });
  if (triggers.length === 0) throw new UsageError(`expected features, was "${text}"`);
  const twice = triggers.find(({ feature }, index) => triggers.findIndex((other) => other.feature === feature) !== index);
  if (twice !== undefined) throw new UsageError(`${twice.feature} appears twice`);
  return triggers;
}
