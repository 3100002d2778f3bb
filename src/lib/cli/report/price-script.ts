/**
 * Script of the pages of candles and of features, run after the chart library: a chart per symbol with prices (candles and
 * volume, or with `isLine` a line), gaps, signals and, where there are any, features below. All panes of a chart share one
 * time axis.
 */
export const PRICE_SCRIPT = `
'use strict';
(() => {
  const { symbols } = JSON.parse(document.getElementById('data').textContent);
  const library = window.LightweightCharts;
  const charts = [];
  const draw = (symbol, index) => {
    const box = document.getElementById('chart-' + index);
    const legend = document.getElementById('legend-' + index);
    const chart = library.createChart(box, {
      autoSize: true,
      layout: { attributionLogo: true, background: { color: 'transparent' } },
      timeScale: { timeVisible: true, secondsVisible: symbol.seconds, minBarSpacing: 0.02 },
      rightPriceScale: { minimumWidth: window.innerWidth < 600 ? 60 : 90 },
    });
    const digits = Math.min(8, Math.max(...symbol.candles.slice(0, 2000).map(({ close }) => (String(close).split('.')[1] || '').length), 0));
    const priceFormat = { type: 'price', precision: digits, minMove: 10 ** -digits };
    const shade = chart.addSeries(library.HistogramSeries, {
      priceScaleId: 'gaps', priceLineVisible: false, lastValueVisible: false, color: 'rgba(242, 54, 69, 0.16)',
      autoscaleInfoProvider: () => ({ priceRange: { minValue: 0, maxValue: 1 } }),
    });
    shade.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
    shade.setData(symbol.gaps.map((time) => ({ time, value: 1 })));
    const volume = chart.addSeries(library.HistogramSeries, {
      priceScaleId: 'volume', priceLineVisible: false, lastValueVisible: false, priceFormat: { type: 'volume' },
    });
    volume.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 }, visible: false });
    if (!symbol.isLine) volume.setData(symbol.candles.map(({ time, open, close, volume }) => ({ time, value: volume, color: close >= open ? 'rgba(8, 153, 129, 0.4)' : 'rgba(242, 54, 69, 0.4)' })));
    const candles = symbol.isLine
      ? chart.addSeries(library.LineSeries, { priceFormat, lineWidth: 1, priceLineVisible: false, color: '#787b86' })
      : chart.addSeries(library.CandlestickSeries, { priceFormat, priceLineVisible: false });
    // The bars of the volume stand below the candles.
    if (!symbol.isLine) candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.24 } });
    candles.setData(symbol.isLine ? symbol.candles.map(({ time, close }) => ({ time, value: close })) : symbol.candles);
    library.createSeriesMarkers(candles, symbol.signals.map(({ time, side, text }) => ({
      time, text, shape: side === 'buy' ? 'arrowUp' : 'arrowDown', position: side === 'buy' ? 'belowBar' : 'aboveBar', color: side === 'buy' ? '#089981' : '#f23645',
    })));
    const colours = ['#2962ff', '#b26a00', '#9c27b0', '#00897b'];
    symbol.features.forEach(({ points }, place) => {
      // Three digits of the largest value: two decimals would show 0.002 as 0.00.
      const largest = points.reduce((most, { value = 0 }) => Math.max(most, Math.abs(value)), 0);
      const precision = largest === 0 ? 2 : Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(largest))));
      const line = chart.addSeries(library.LineSeries, {
        color: colours[place % colours.length], lineWidth: 1, priceLineVisible: false,
        priceFormat: { type: 'price', precision, minMove: 10 ** -precision },
      }, place + 1);
      line.setData(points);
    });
    const panes = chart.panes();
    panes.forEach((pane, place) => pane.setStretchFactor(place === 0 ? 4 : 1));
    const names = [symbol.isLine ? 'Price' : 'Price and volume', ...symbol.features.map(({ name, points }) => (points.some(({ value }) => value !== undefined) ? name : name + ': no value yet'))];
    const titles = names.map((text, place) => [text, panes[place] && library.createTextWatermark(panes[place], { horzAlign: 'left', vertAlign: 'top', lines: [] })]);
    const byTime = new Map(symbol.candles.map((candle) => [candle.time, candle]));
    const values = symbol.features.map(({ name, points }) => [name, new Map(points.map(({ time, value }) => [time, value]))]);
    const show = (time) => {
      const candle = byTime.get(time);
      if (!candle) return;
      legend.textContent = [
        new Date(time * 1000).toISOString().slice(0, symbol.seconds ? 19 : 16).replace('T', ' ') + ' UTC',
        ...(symbol.isLine ? ['price ' + candle.close] : ['O ' + candle.open, 'H ' + candle.high, 'L ' + candle.low, 'C ' + candle.close, 'V ' + candle.volume]),
        ...values.flatMap(([name, points]) => (points.get(time) === undefined ? [] : [name + ' ' + Number(points.get(time).toPrecision(4))])),
        ...(candle.incomplete ? ['incomplete: in a gap'] : []),
      ].join('  ·  ');
    };
    chart.subscribeCrosshairMove((event) => event.time !== undefined && show(event.time));
    let isMoved = false;
    for (const name of ['pointerdown', 'wheel']) box.addEventListener(name, () => (isMoved = true), { capture: true, passive: true });
    chart.timeScale().subscribeSizeChange(() => isMoved || chart.timeScale().fitContent());
    chart.timeScale().fitContent();
    if (symbol.candles.length > 0) show(symbol.candles[symbol.candles.length - 1].time);
    charts.push([chart, titles]);
    box.dataset.panes = String(panes.length);
  };
  symbols.forEach(draw);
  const applyColors = () => {
    const [ink, faint, line] = ['--ink', '--faint', '--line'].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    for (const [chart, titles] of charts) {
      chart.applyOptions({
        layout: { textColor: ink, panes: { separatorColor: line } },
        grid: { vertLines: { color: line + '80' }, horzLines: { color: line + '80' } },
        timeScale: { borderColor: line }, rightPriceScale: { borderColor: line },
      });
      for (const [text, title] of titles) if (title) title.applyOptions({ lines: [{ text, color: faint, fontSize: 12 }] });
    }
  };
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyColors);
  applyColors();
  document.body.dataset.drawn = String(charts.length);
})();
`;
