import { DAY, SECOND } from '../model/time.js';
import { midnightBefore } from './day-flow.js';
import { type Feature, windowed } from './feature.js';
import { RollingMoments, RollingSum } from './rolling.js';

/** One second in this many must have a trade: 60 of 300. */
const SECONDS_PER_TRADE = 5;

/** z of buy minus sell volume. On a thin symbol every trade would be an outlier, so it needs enough traded seconds. */
export const deltaZ: Feature = windowed({
  name: 'delta_z',
  definition: 'z of delta (buy − sell volume of a second); at least a fifth of its seconds must have traded, 60 of 300',
  inputs: ['trade'],
  window: 300,
  create(window) {
    const moments = new RollingMoments(window);
    const traded = new RollingSum(window);
    /** Seconds until the last one with a trade without side has left the window. */
    let sideless = 0;
    const minimum = Math.ceil(window / SECONDS_PER_TRADE);
    return {
      update({ delta, trades }) {
        const distance = moments.push(delta ?? Number.NaN);
        traded.push(trades > 0 ? 1 : 0);
        sideless = delta === undefined ? window : sideless - 1;
        if (!moments.isFull) return sideless > 0 ? 'sideless' : 'warming';
        if (traded.sum < minimum) return 'thin';
        return Number.isNaN(distance) ? 'flat' : distance;
      },
      restart(second) {
        sideless = 0;
        moments.restart(second - 1);
        traded.restart(second - 1);
      },
    };
  },
});

/** Buy minus sell volume since midnight. */
export const cvd: Feature = {
  name: 'cvd',
  definition: 'cumulative delta since UTC midnight; null on a day without its beginning, and after a trade without side',
  inputs: ['trade'],
  span: 'day',
  warmUp: () => DAY / SECOND,
  since: (end) => midnightBefore(end),
  create: (_, { flow }) => ({ update: () => flow.value ?? 'warming', restart() {} }),
};
