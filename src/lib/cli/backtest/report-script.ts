/** What runs in a report's page, after the chart library: three panes over the data in the page. */
export const CHART_SCRIPT = `
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const library = window.LightweightCharts;
  const chart = library.createChart(document.getElementById('chart'), {
    autoSize: true,
    layout: { attributionLogo: true, panes: { separatorColor: '#e0e3eb' } },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02 },
    rightPriceScale: { minimumWidth: 90 },
  });
  const prices = data.candles.flatMap(({ low, close }) => [low, close]);
  const digits = Math.min(8, Math.max(...prices.slice(0, 2000).map((price) => (String(price).split('.')[1] || '').length), 0));
  const priceFormat = { type: 'price', precision: digits, minMove: 10 ** -digits };
  for (const points of data.levels) {
    const line = chart.addSeries(library.LineSeries, {
      color: 'rgba(41, 98, 255, 0.35)', lineWidth: 1, lineStyle: library.LineStyle.Dotted, lineType: library.LineType.WithSteps, priceFormat,
      priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
      autoscaleInfoProvider: () => null,
    });
    line.setData(points);
  }
  const candles = chart.addSeries(library.CandlestickSeries, { priceFormat });
  candles.setData(data.candles);
  const isCrowded = data.markers.length > 60;
  library.createSeriesMarkers(candles, data.markers.map((marker) => (isCrowded ? { ...marker, text: '', size: 0.6 } : marker)));
  const plain = { priceLineVisible: false, lineWidth: 2 };
  if (data.other.length > 0) chart.addSeries(library.LineSeries, { ...plain, color: '#9598a1' }, 1).setData(data.other);
  chart.addSeries(library.LineSeries, { ...plain, color: '#2962ff' }, 1).setData(data.equity);
  chart.addSeries(library.AreaSeries, {
    priceLineVisible: false, lineWidth: 1, lineColor: '#f23645', invertFilledArea: true, topColor: 'rgba(242, 54, 69, 0.05)', bottomColor: 'rgba(242, 54, 69, 0.35)',
  }, 2).setData(data.drawdown);
  const panes = chart.panes();
  [4, 2, 1].forEach((factor, index) => panes[index] && panes[index].setStretchFactor(factor));
  chart.timeScale().fitContent();
  document.body.dataset.drawn = String(chart.panes().length);
})();
`;
