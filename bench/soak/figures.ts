import { spreadOf } from '../bench.js';

/** `median (smallest … largest) unit, of so many`. */
export function spreadText(values: readonly number[], unit: string, digits = 0): string {
  if (values.length === 0) return 'none';
  const { median, low, high } = spreadOf(values);
  const [middle, least, most] = [median, low, high].map((value) => value.toFixed(digits));
  return `${middle} (${least} … ${most}) ${unit}, of ${values.length}`;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
