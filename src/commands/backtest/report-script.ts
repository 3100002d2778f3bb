/**
 * What runs in a report's page, after the chart library: three panes over the data in the page, and a line that tells what
 * is under the pointer. Fills are arrows; their words appear once few enough are in view to be read. Where there are so many
 * that they would hide the candles, they fade and shrink, and the levels of grids with them; liquidations do not.
 */
export const CHART_SCRIPT = `
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const library = window.LightweightCharts;
  const box = document.getElementById('chart');
  const chart = library.createChart(box, {
    autoSize: true,
    layout: { attributionLogo: true, background: { color: 'transparent' } },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02 },
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
  const equity = chart.addSeries(library.LineSeries, { ...plain, color: '#2962ff' }, 1);
  equity.setData(data.equity);
  const drawdown = chart.addSeries(library.AreaSeries, {
    priceLineVisible: false, lineWidth: 1, lineColor: '#f23645', invertFilledArea: true, topColor: 'rgba(242, 54, 69, 0.05)', bottomColor: 'rgba(242, 54, 69, 0.35)',
  }, 2);
  drawdown.setData(data.drawdown);
  const panes = chart.panes();
  [4, 2, 1.2].forEach((factor, index) => panes[index] && panes[index].setStretchFactor(factor));
  const titles = ['Price and fills', 'Equity', 'Drawdown %'].map((text, index) => [text, panes[index] && library.createTextWatermark(panes[index], { horzAlign: 'left', vertAlign: 'top', lines: [] })]);

  const MOST_WORDS = 16;
  const marks = library.createSeriesMarkers(candles, []);
  let shown;
  const mark = (range) => {
    const inView = range ? data.markers.filter(({ time }) => time >= range.from && time <= range.to).length : data.markers.length;
    const words = inView <= MOST_WORDS;
    const crowd = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, inView) / 100))));
    if (shown === words + ' ' + crowd) return;
    shown = words + ' ' + crowd;
    const size = [1, 0.6, 0.4, 0.3, 0.2][crowd];
    const opacity = ['', 'b0', '60', '30', '20'][crowd];
    for (const line of levels) line.applyOptions({ color: '#2962ff' + ['8c', '70', '50', '30', '18'][crowd] });
    marks.setMarkers(data.markers.map((marker) => marker.shape === 'square'
      ? { ...marker, text: words ? marker.text : '' }
      : { ...marker, size, color: marker.color + opacity, text: words ? marker.text : '' }));
  };
  chart.timeScale().subscribeVisibleTimeRangeChange(mark);

  const legend = document.getElementById('legend');
  const byTime = (points) => new Map(points.map((point) => [point.time, point]));
  const [bars, values, depths] = [data.candles, data.equity, data.drawdown].map(byTime);
  const told = new Map();
  for (const { time, text } of data.markers) told.set(time, [...(told.get(time) || []), text]);
  const tell = ({ time }) => {
    const bar = bars.get(time);
    if (!bar) return;
    const value = values.get(time);
    const depth = depths.get(time);
    legend.textContent = [
      new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' '),
      'O ' + bar.open, 'H ' + bar.high, 'L ' + bar.low, 'C ' + bar.close,
      ...(value ? ['equity ' + value.value.toFixed(2)] : []),
      ...(depth ? ['drawdown ' + (-depth.value).toFixed(2) + ' %'] : []),
      ...(told.get(time) || []),
    ].join('  ·  ');
  };
  chart.subscribeCrosshairMove((event) => event.time !== undefined && tell(event));

  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const dress = () => {
    const [ink, faint, line] = ['--ink', '--faint', '--line'].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    const colour = line + '80';
    chart.applyOptions({
      layout: { textColor: ink, panes: { separatorColor: line } },
      grid: { vertLines: { color: colour }, horzLines: { color: colour } },
      timeScale: { borderColor: line }, rightPriceScale: { borderColor: line },
    });
    for (const [text, title] of titles) if (title) title.applyOptions({ lines: [{ text, color: faint, fontSize: 12 }] });
  };
  scheme.addEventListener('change', dress);
  dress();
  // All of it is shown, in whatever room there is, until the reader takes a look at a part.
  let isMoved = false;
  for (const name of ['pointerdown', 'wheel']) box.addEventListener(name, () => (isMoved = true), { capture: true, passive: true });
  chart.timeScale().subscribeSizeChange(() => isMoved || chart.timeScale().fitContent());
  chart.timeScale().fitContent();
  mark(chart.timeScale().getVisibleRange());
  tell(data.candles[data.candles.length - 1]);
  document.body.dataset.drawn = String(chart.panes().length);
})();
`;
