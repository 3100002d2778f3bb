/**
 * One step of an exchange's maintenance margin: for position values up to `upTo`, maintenance = value × rate −
 * deduction, all in quote units. Tiers are listed from the smallest value on.
 */
export type MaintenanceTier = {
  /** Upper bound of the position's value, inclusive; absent where nothing bounds it. */
  readonly upTo?: number | undefined;
  /** A fraction: 0.005 is half a percent. */
  readonly rate: number;
  /** 0 where the exchange publishes none: the rate then applies to the whole position. */
  readonly deduction: number;
  /** Largest leverage allowed for such a value. */
  readonly maxLeverage?: number | undefined;
};
