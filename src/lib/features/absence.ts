/**
 * The reason why a feature has no value: an input is absent or too old, its window is not full yet, too few of its seconds
 * traded, all its values are equal, a trade in it has no side, or an unrepaired gap overlaps it.
 */
export type Absence = 'missing' | 'warming' | 'thin' | 'flat' | 'sideless' | 'gap';
