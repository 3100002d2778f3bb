/**
 * Script of the report page, run after the chart library. It draws three panes and a legend line for the candle under the
 * pointer. Fills are arrows; their text appears when few enough are in view. Thousands of arrows would hide the candles, so
 * with many fills in view arrows and grid levels fade and shrink; liquidations do not.
 */
export const CHART_SCRIPT = `
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const library = window.LightweightCharts;
  const box = document.getElementById('chart');
  const [first, second] = data.candles;
  const hasSeconds = second !== undefined && second.time - first.time < 60;
  const chart = library.createChart(box, {
    autoSize: true,
    layout: { attributionLogo: true, background: { color: 'transparent' } },
    timeScale: { timeVisible: true, secondsVisible: hasSeconds, minBarSpacing: 0.02 },
    rightPriceScale: { minimumWidth: window.innerWidth < 600 ? 60 : 90 },
  });
  const prices = data.candles.flatMap(({ low, close }) => [low, close]);
  const digits = Math.min(8, Math.max(...prices.slice(0, 2000).map((price) => (String(price).split('.')[1] || '').length), 0));
  const priceFormat = { type: 'price', precision: digits, minMove: 10 ** -digits };
  const levels = data.levels.map((points) => {
    const line = chart.addSeries(library.LineSeries, {
      color: '#2962ff8c', lineWidth: 1, lineType: library.LineType.WithSteps, priceFormat,
      priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
      autoscaleInfoProvider: () => null,
    });
    line.setData(points);
    return line;
  });
  const candles = chart.addSeries(library.CandlestickSeries, { priceFormat, priceLineVisible: false });
  candles.setData(data.candles);
  const plain = { priceLineVisible: false, lineWidth: 2 };
  if (data.other.length > 0) chart.addSeries(library.LineSeries, { ...plain, lastValueVisible: false, color: '#9598a1' }, 1).setData(data.other);
  chart.addSeries(library.LineSeries, { ...plain, lineWidth: 1, lineStyle: library.LineStyle.Dashed, lastValueVisible: false, color: '#b26a00', autoscaleInfoProvider: () => null }, 1).setData(data.held);
  const equity = chart.addSeries(library.LineSeries, { ...plain, color: '#2962ff' }, 1);
  equity.setData(data.equity);
  const drawdown = chart.addSeries(library.AreaSeries, {
    priceLineVisible: false, lineWidth: 1, lineColor: '#f23645', invertFilledArea: true, topColor: 'rgba(242, 54, 69, 0.05)', bottomColor: 'rgba(242, 54, 69, 0.35)',
  }, 2);
  drawdown.setData(data.drawdown);
  const panes = chart.panes();
  [4, 2, 1.2].forEach((factor, index) => panes[index] && panes[index].setStretchFactor(factor));
  const titles = ['Price and fills', 'Equity', 'Drawdown %'].map((text, index) => [text, panes[index] && library.createTextWatermark(panes[index], { horzAlign: 'left', vertAlign: 'top', lines: [] })]);

  const MAX_LABELS = 16;
  const marks = library.createSeriesMarkers(candles, []);
  let shown;
  const mark = (range) => {
    const inView = range ? data.markers.filter(({ time }) => time >= range.from && time <= range.to).length : data.markers.length;
    const labels = inView <= MAX_LABELS;
    const crowd = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, inView) / 100))));
    if (shown === labels + ' ' + crowd) return;
    shown = labels + ' ' + crowd;
    const size = [1, 0.6, 0.4, 0.3, 0.2][crowd];
    const opacity = ['', 'b0', '60', '30', '20'][crowd];
    for (const line of levels) line.applyOptions({ color: '#2962ff' + ['8c', '70', '50', '30', '18'][crowd] });
    marks.setMarkers(data.markers.map((marker) => marker.shape === 'square'
      ? { ...marker, text: labels ? marker.text : '' }
      : { ...marker, size, color: marker.color + opacity, text: labels ? marker.text : '' }));
  };
  chart.timeScale().subscribeVisibleTimeRangeChange(mark);

  const legend = document.getElementById('legend');
  const byTime = (points) => new Map(points.map((point) => [point.time, point]));
  const [bars, values, drawdowns] = [data.candles, data.equity, data.drawdown].map(byTime);
  const fillTexts = new Map();
  for (const { time, text } of data.markers) fillTexts.set(time, [...(fillTexts.get(time) || []), text]);
  const showLegend = ({ time }) => {
    const bar = bars.get(time);
    if (!bar) return;
    const value = values.get(time);
    const fall = drawdowns.get(time);
    legend.textContent = [
      new Date(time * 1000).toISOString().slice(0, hasSeconds ? 19 : 16).replace('T', ' '),
      'O ' + bar.open, 'H ' + bar.high, 'L ' + bar.low, 'C ' + bar.close,
      ...(value ? ['equity ' + value.value.toFixed(2)] : []),
      ...(fall ? ['drawdown ' + (-fall.value).toFixed(2) + ' %'] : []),
      ...(fillTexts.get(time) || []),
    ].join('  ·  ');
  };
  chart.subscribeCrosshairMove((event) => event.time !== undefined && showLegend(event));

  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const applyColors = () => {
    const [ink, faint, line] = ['--ink', '--faint', '--line'].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    const colour = line + '80';
    chart.applyOptions({
      layout: { textColor: ink, panes: { separatorColor: line } },
      grid: { vertLines: { color: colour }, horzLines: { color: colour } },
      timeScale: { borderColor: line }, rightPriceScale: { borderColor: line },
    });
    for (const [text, title] of titles) if (title) title.applyOptions({ lines: [{ text, color: faint, fontSize: 12 }] });
  };
  scheme.addEventListener('change', applyColors);
  applyColors();
  // Fit all data into the page until the reader zooms or scrolls.
  let isMoved = false;
  for (const name of ['pointerdown', 'wheel']) box.addEventListener(name, () => (isMoved = true), { capture: true, passive: true });
  chart.timeScale().subscribeSizeChange(() => isMoved || chart.timeScale().fitContent());
  chart.timeScale().fitContent();
  mark(chart.timeScale().getVisibleRange());
  showLegend(data.candles[data.candles.length - 1]);
  document.body.dataset.drawn = String(chart.panes().length);
})();
`;
