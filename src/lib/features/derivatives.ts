import { type Feature, momentary, windowed } from './feature.js';
import { Lag, RollingMoments } from './rolling.js';

const BASIS_POINTS = 10_000;
/** Distance in seconds of the two values of open interest that are compared. */
const INTEREST_STEP = 60;

export const markDeviation: Feature = windowed({
  name: 'mark_dev_z',
  definition: 'z of (mark − last) / last',
  inputs: ['mark', 'trade'],
  window: 3600,
  create(window) {
    const moments = new RollingMoments(window);
    return {
      update({ mark, close }) {
        const deviation = mark === undefined || close === undefined ? undefined : (mark - close) / close;
        return verdict(moments, deviation, moments.push(deviation ?? Number.NaN));
      },
      restart: (second) => moments.restart(second - 1),
    };
  },
});

export const openInterestChange: Feature = windowed({
  name: 'oi_z',
  definition: 'z of the change of open interest over 60 s',
  inputs: ['open_interest'],
  window: 3600,
  more: INTEREST_STEP,
  create(window) {
    const before = new Lag(INTEREST_STEP);
    const moments = new RollingMoments(window);
    return {
      update({ openInterest }) {
        const old = before.push(openInterest);
        const change = openInterest === undefined || old === undefined ? undefined : openInterest - old;
        const distance = moments.push(change ?? Number.NaN);
        return openInterest === undefined ? 'missing' : verdict(moments, change ?? 0, distance);
      },
      restart(second) {
        before.restart();
        moments.restart(second - 1);
      },
    };
  },
});

export const basis: Feature = momentary({
  name: 'basis_bps',
  definition: '(mark − index) / index',
  inputs: ['mark'],
  value: ({ mark, index }) => (mark === undefined || index === undefined ? undefined : ((mark - index) / index) * BASIS_POINTS),
});

export const fundingRate: Feature = momentary({
  name: 'funding_rate',
  definition: 'current funding, a fraction',
  inputs: ['funding'],
  value: (row) => row.fundingRate,
});

function verdict(moments: RollingMoments, value: number | undefined, distance: number) {
  if (value === undefined) return 'missing';
  if (!moments.isFull) return 'warming';
  return Number.isNaN(distance) ? 'flat' : distance;
}
