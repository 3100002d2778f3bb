/** Colors of all drawings: gains and safe levels, losses and unsafe levels, grid lines, text. */
export const SVG_COLOR = { good: '#1a7f37', bad: '#cf222e', grid: '#d8dee4', text: '#24292f' };

/** Returns a white SVG document of a size with its elements. */
export function svgDocument(width: number, height: number, elements: readonly string[]): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="${SVG_COLOR.text}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...elements,
    '</svg>',
  ].join('\n')}\n`;
}

type Attributes = Readonly<Record<string, string | number>>;

/** Returns a text element. */
export function svgText(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return `<text x="${coordinate(x)}" y="${coordinate(y)}"${attributeText(attributes)}>${escaped(content)}</text>`;
}

/** Returns a straight line. */
export function svgLine([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number], stroke: string): string {
  return `<line x1="${coordinate(x1)}" x2="${coordinate(x2)}" y1="${coordinate(y1)}" y2="${coordinate(y2)}" stroke="${stroke}"/>`;
}

/** Returns a filled rectangle. */
export function svgRectangle(
  { x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  fill: string,
  opacity: number,
): string {
  return `<rect x="${coordinate(x)}" y="${coordinate(y)}" width="${coordinate(width)}" height="${coordinate(height)}" fill="${fill}" fill-opacity="${opacity}"/>`;
}

/** Returns a circle with a tooltip. */
export function svgDot(x: number, y: number, fill: string, title: string): string {
  return `<circle cx="${coordinate(x)}" cy="${coordinate(y)}" r="5" fill="${fill}"><title>${escaped(title)}</title></circle>`;
}

/** Returns a line through points. */
export function svgPolyline(points: readonly (readonly [number, number])[], stroke: string, dashes = 'none'): string {
  const path = points.map(([x, y]) => `${coordinate(x)},${coordinate(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="2" stroke-dasharray="${dashes}"/>`;
}

/** Returns horizontal grid lines at prices, each with its label at `labelX`. */
export function svgAxis(
  prices: readonly number[],
  {
    left,
    right,
    labelX,
    anchor,
    y,
    label,
  }: {
    readonly left: number;
    readonly right: number;
    readonly labelX: number;
    readonly anchor: 'start' | 'end';
    readonly y: (price: number) => number;
    readonly label: (price: number) => string;
  },
): string[] {
  return prices.flatMap((price) => [
    svgLine([left, y(price)], [right, y(price)], SVG_COLOR.grid),
    svgText(labelX, y(price) + 4, label(price), { 'text-anchor': anchor }),
  ]);
}

function attributeText(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('');
}

function coordinate(value: number): string {
  return String(Number(value.toFixed(2)));
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
