import type { SeedResult } from './task.js';

const [width, height] = [640, 320];
const margin = { left: 56, right: 16, top: 16, bottom: 40 };
const strokes = ['#2563eb', '#db2777', '#059669', '#d97706', '#7c3aed'];

/** Learning curves as one picture: a line per seed, reward of an epoch over turns. */
export function curveSvg(title: string, results: readonly SeedResult[]): string {
  const points = results.flatMap(({ curve }) => curve);
  const turns = scaleOf(0, Math.max(...points.map(([x]) => x)), margin.left, width - margin.right);
  const rewards = scaleOf(
    Math.min(0, ...points.map(([, y]) => y)),
    Math.max(0, ...points.map(([, y]) => y)),
    height - margin.bottom,
    margin.top,
  );
  const axes = [
    ...rewards.ticks.map((tick) => horizontal(rewards.place(tick), label(tick))),
    ...turns.ticks.map((tick) => vertical(turns.place(tick), label(tick))),
  ];
  const lines = results.map(({ curve }, index) => {
    const path = curve.map(([x, y]) => `${turns.place(x).toFixed(1)},${rewards.place(y).toFixed(1)}`).join(' ');
    const stroke = strokes[index % strokes.length];
    return `<polyline fill="none" stroke="${stroke}" stroke-width="1.5" stroke-linejoin="round" points="${path}"/>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...axes,
    ...lines,
    `<text x="${(margin.left + width - margin.right) / 2}" y="${height - 6}" text-anchor="middle">turns</text>`,
    `<text transform="translate(12 ${height / 2}) rotate(-90)" text-anchor="middle">reward of an epoch</text>`,
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** A linear scale over whole steps of 1, 2 or 5 × a power of ten. */
function scaleOf(least: number, most: number, from: number, to: number): Scale {
  const rough = (most - least) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  const [first, last] = [Math.floor(least / step), Math.ceil(most / step)];
  const place = (value: number): number => from + ((value - first * step) / ((last - first) * step || 1)) * (to - from);
  return { ticks: Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step), place };
}

function horizontal(y: number, text: string): string {
  const line = `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}" stroke="#e5e7eb"/>`;
  return `${line}<text x="${margin.left - 6}" y="${y + 4}" text-anchor="end">${text}</text>`;
}

function vertical(x: number, text: string): string {
  const bottom = height - margin.bottom;
  const line = `<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 4}" stroke="#6b7280"/>`;
  return `${line}<text x="${x}" y="${bottom + 16}" text-anchor="middle">${text}</text>`;
}

function label(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString('en-US');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
