/**
 * Why a feature is missing: an input is absent or too old, its window is not full yet, too few of its seconds traded, all
 * its values are the same, or an unrepaired gap lies in it.
 */
export type Absence = 'missing' | 'warming' | 'thin' | 'flat' | 'gap';
