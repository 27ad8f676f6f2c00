import { RandomStream } from '#marlin/random.js';

/** The stream of a test; different numbers, different streams. */
export function testStream(number = 0): RandomStream {
  return RandomStream.named({ seed: number, role: 'test' });
}

/**
 * Upper bound of a chi-square statistic with so many degrees of freedom (mean d, variance 2d): five standard
 * deviations above the mean. Seeds are fixed, so a sound draw passes for good.
 */
export function chiSquareBound(degreesOfFreedom: number): number {
  return degreesOfFreedom + 5 * Math.sqrt(2 * degreesOfFreedom);
}
