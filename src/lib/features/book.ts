import { type Feature, momentary, windowed } from './feature.js';
import { Lag, RollingSum } from './rolling.js';

const BASIS_POINTS = 10_000;

export const imbalanceShift: Feature = windowed({
  name: 'imb_shift',
  definition: 'imbalance now − imbalance a window ago; imbalance = (Σ bids − Σ asks) / (Σ bids + Σ asks), 15 levels',
  inputs: ['book'],
  window: 60,
  more: 1,
  create(window) {
    const before = new Lag(window);
    return {
      update({ imbalance }) {
        const old = before.push(imbalance);
        if (imbalance === undefined) return 'missing';
        return old === undefined ? 'warming' : imbalance - old;
      },
      restart: () => before.restart(),
    };
  },
});

export const orderFlowImbalance: Feature = windowed({
  name: 'ofi',
  definition: 'order-flow imbalance at the best level over the book snapshots (Cont, Kukanov, Stoikov 2014), summed',
  inputs: ['book'],
  window: 60,
  create(window) {
    const flows = new RollingSum(window);
    return {
      update({ ofi }) {
        flows.push(ofi);
        if (ofi === undefined) return 'missing';
        return flows.isFull ? flows.sum : 'warming';
      },
      restart: (second) => flows.restart(second - 1),
    };
  },
});

export const micropriceDeviation: Feature = momentary({
  name: 'microprice_dev_bps',
  definition: '(microprice − mid) / mid; microprice = (ask × bid_amount + bid × ask_amount) / (bid_amount + ask_amount)',
  inputs: ['book'],
  value: ({ microprice, mid }) =>
    microprice === undefined || mid === undefined ? undefined : ((microprice - mid) / mid) * BASIS_POINTS,
});

export const spread: Feature = momentary({
  name: 'spread_bps',
  definition: '(ask − bid) / mid',
  inputs: ['book'],
  value: ({ spreadBps }) => spreadBps,
});
