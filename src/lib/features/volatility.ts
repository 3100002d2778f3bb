import { WARM_BARS } from './bars.js';
import { type Feature, type Measure, windowed } from './feature.js';
import { RollingSum } from './rolling.js';

const SECONDS_OF_A_YEAR = 31_536_000;
const ROWS_OF_A_BAR = 900;

const bars: Pick<Feature, 'inputs' | 'span' | 'warmUp' | 'since'> = {
  inputs: ['trade'],
  span: `${WARM_BARS} × 15m`,
  // The bar in which the data begins is skipped: trades before the data are missing in it.
  warmUp: () => (WARM_BARS + 1) * ROWS_OF_A_BAR,
  since: () => undefined,
};

export const atr: Feature = {
  ...bars,
  name: 'atr15m',
  definition: `Wilder ATR(14) on closed 15-minute candles, seeded with the mean of the first 14 true ranges, over the last ${WARM_BARS}; warm with all of them`,
  create: (_, { bars: source }): Measure => ({ update: () => source.averageTrueRange ?? source.absence, restart() {} }),
};

export const atrShare: Feature = {
  ...bars,
  name: 'atr15m_pct',
  definition: 'atr15m as a percentage of close',
  create: (_, { bars: source }): Measure => ({
    update({ close }) {
      const average = source.averageTrueRange;
      if (average === undefined) return source.absence;
      return close === undefined ? 'missing' : (average / close) * 100;
    },
    restart() {},
  }),
};

export const realizedVolatility: Feature = windowed({
  name: 'realized_vol',
  definition: '√(Σ r² × 31,536,000 / window) of 1-second log returns r',
  inputs: ['trade'],
  window: 900,
  more: 1,
  create(window) {
    const squares = new RollingSum(window);
    let before: number | undefined;
    return {
      update({ close }) {
        const change = close === undefined || before === undefined ? undefined : Math.log(close / before);
        before = close;
        squares.push(change === undefined ? undefined : change * change);
        if (close === undefined) return 'missing';
        return squares.isFull ? Math.sqrt((squares.sum * SECONDS_OF_A_YEAR) / window) : 'warming';
      },
      restart(second) {
        before = undefined;
        squares.restart(second - 1);
      },
    };
  },
});
