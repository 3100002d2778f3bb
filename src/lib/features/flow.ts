import { DAY, SECOND } from '../model/time.js';
import { midnightBefore } from './day-flow.js';
import { type Feature, windowed } from './feature.js';
import { RollingMoments, RollingSum } from './rolling.js';

/** Of 300 seconds at least 60 must have traded; of a shorter window a fifth. */
const LEAST_TRADED = 60;

/** z of buy less sell volume. On a symbol that hardly trades every trade would be an outlier. */
export const deltaZ: Feature = windowed({
  name: 'delta_z',
  definition: 'z of delta (buy − sell volume of a second); at least 60 seconds of the window traded',
  inputs: ['trade'],
  window: 300,
  create(window) {
    const moments = new RollingMoments(window);
    const traded = new RollingSum(window);
    const least = Math.min(LEAST_TRADED, Math.ceil(window / 5));
    return {
      update({ delta, trades }) {
        const distance = moments.push(delta);
        traded.push(trades > 0 ? 1 : 0);
        if (!moments.isFull) return 'warming';
        if (traded.sum < least) return 'thin';
        return Number.isNaN(distance) ? 'flat' : distance;
      },
      restart(second) {
        moments.restart(second - 1);
        traded.restart(second - 1);
      },
    };
  },
});

/** Buy less sell volume since midnight. */
export const cvd: Feature = {
  name: 'cvd',
  definition: 'cumulative delta since UTC midnight; null on a day without its beginning',
  inputs: ['trade'],
  span: 'day',
  warmUp: () => DAY / SECOND,
  since: (end) => midnightBefore(end),
  create: (_, { flow }) => ({ update: () => flow.value ?? 'warming', restart() {} }),
};
