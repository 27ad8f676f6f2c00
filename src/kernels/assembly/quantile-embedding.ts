// The embedding of a quantile fraction τ in implicit quantile networks (Dabney et al. 2018, arXiv 1806.06923, equation 4),
// and its product with the features of an observation. Both factors come out of a ReLU, so about three quarters of
// the products are 0: they are kept as a list of non-zeros (see sparse.ts), and what is 0 is multiplied no further.

import { entriesOf, entryBytes } from './sparse';
import { cosOfPi4 } from './lane-trigonometry';

/** features[count, columns] = cos(π · i · τ[count]), i = 1 … columns. */
export function cosineFeatures(features: usize, tau: usize, count: usize, columns: usize): void {
  const whole = columns & ~3;
  const parts = f32x4.splat(4096);
  const part = f32x4.splat(<f32>(1.0 / 4096.0));
  const end = tau + (count << 2);
  for (; tau < end; tau += 4) {
    // i · τ rounded to f32 would be off by 4e-6 at i = 64. With τ in a part of 12 bits and a small rest, i · part and
    // what is left of it after the whole number are exact up to i = 4096.
    const fraction = v128.load32_splat(tau);
    const high = f32x4.mul(f32x4.nearest(f32x4.mul(fraction, parts)), part);
    const low = f32x4.sub(fraction, high);
    let index = f32x4(1, 2, 3, 4);
    for (let column: usize = 0; column < whole; column += 4) {
      v128.store(features, cosinesOf(index, fraction, high, low));
      index = f32x4.add(index, f32x4.splat(4));
      features += 16;
    }
    if (whole === columns) continue;
    const last = cosinesOf(index, fraction, high, low);
    store<f32>(features, f32x4.extract_lane(last, 0));
    if (columns - whole > 1) store<f32>(features, f32x4.extract_lane(last, 1), 4);
    if (columns - whole > 2) store<f32>(features, f32x4.extract_lane(last, 2), 8);
    features += (columns - whole) << 2;
  }
}

// @ts-ignore: decorator
@inline
function cosinesOf(index: v128, fraction: v128, high: v128, low: v128): v128 {
  const whole = f32x4.nearest(f32x4.mul(index, fraction));
  const rest = f32x4.add(f32x4.sub(f32x4.mul(index, high), whole), f32x4.mul(index, low));
  // cos(π(n + r)) = (−1)ⁿ cos(πr)
  const isOdd = i32x4.shl(i32x4.trunc_sat_f32x4_s(whole), 31);
  return v128.xor(cosOfPi4(rest), isOdd);
}

/**
 * Lists what is not 0 in x[groups · repeats, columns], x[g · repeats + t] = features[g] · embedding[g · repeats + t]
 * (elementwise; NaN is listed). There is room for groups · repeats · columns entries; of `active`, i32 [columns].
 */
export function listProducts(
  list: usize,
  features: usize,
  embedding: usize,
  groups: usize,
  repeats: usize,
  columns: usize,
  active: usize,
): void {
  const entries = entriesOf(list, groups * repeats);
  const row = columns << 2;
  let entry = entries;
  store<i32>(list, 0);
  for (let group: usize = 0; group < groups; group++) {
    const end = listActive(active, features, columns);
    for (let repeat: usize = 0; repeat < repeats; repeat++) {
      for (let at = active; at < end; at += 4) {
        const column = load<u32>(at);
        const offset = (<usize>column) << 2;
        const value = load<f32>(features + offset) * load<f32>(embedding + offset);
        // Written in any case and kept if it counts: a branch would be mispredicted every second time.
        store<u32>(entry, column);
        store<f32>(entry, value, 4);
        entry += (<usize>(value !== 0)) << 3;
      }
      list += 4;
      store<u32>(list, <u32>((entry - entries) >> 3));
      embedding += row;
    }
    features += row;
  }
}

/** Lists the columns in which features[columns] is not 0; returns the end of the list. */
// @ts-ignore: decorator
@inline
export function listActive(active: usize, features: usize, columns: usize): usize {
  for (let column: usize = 0; column < columns; column++) {
    store<u32>(active, <u32>column);
    active += (<usize>(load<f32>(features + (column << 2)) !== 0)) << 2;
  }
  return active;
}

/**
 * Takes the gradient of the listed products apart, once `sparseValueGradient` has put it in place of the values:
 * featureGradient[groups, columns] = Σ over repeats of gradient · embedding, and the list becomes the gradient of the
 * embedding before its ReLU, gradient · features. biasGradient[columns] = Σ over rows of that.
 */
export function productGradient(
  list: usize,
  featureGradient: usize,
  biasGradient: usize,
  features: usize,
  embedding: usize,
  groups: usize,
  repeats: usize,
  columns: usize,
): void {
  const entries = entriesOf(list, groups * repeats);
  const row = columns << 2;
  let entry = entries;
  memory.fill(featureGradient, 0, groups * row);
  memory.fill(biasGradient, 0, row);
  for (let group: usize = 0; group < groups; group++) {
    for (let repeat: usize = 0; repeat < repeats; repeat++) {
      list += 4;
      const end = entries + ((<usize>load<u32>(list)) << 3);
      for (; entry < end; entry += entryBytes) {
        const offset = (<usize>load<u32>(entry)) << 2;
        const gradient = load<f32>(entry, 4);
        const feature = featureGradient + offset;
        store<f32>(feature, load<f32>(feature) + gradient * load<f32>(embedding + offset));
        const before = gradient * load<f32>(features + offset);
        store<f32>(entry, before, 4);
        store<f32>(biasGradient + offset, load<f32>(biasGradient + offset) + before);
      }
      embedding += row;
    }
    features += row;
    featureGradient += row;
  }
}

/** y[groups, columns] = mean over repeats of x[groups · repeats, columns]. */
export function groupMeans(y: usize, x: usize, groups: usize, repeats: usize, columns: usize): void {
  const row = columns << 2;
  const whole = columns & ~3;
  const share: f32 = <f32>1 / <f32>repeats;
  const shares = f32x4.splat(share);
  for (let group: usize = 0; group < groups; group++) {
    for (let column: usize = 0; column < whole; column += 4) {
      let from = x + (column << 2);
      let sum = f32x4.splat(0);
      for (let repeat: usize = 0; repeat < repeats; repeat++) {
        sum = f32x4.add(sum, v128.load(from));
        from += row;
      }
      v128.store(y + (column << 2), f32x4.mul(sum, shares));
    }
    for (let column = whole; column < columns; column++) {
      let from = x + (column << 2);
      let sum: f32 = 0;
      for (let repeat: usize = 0; repeat < repeats; repeat++) {
        sum += load<f32>(from);
        from += row;
      }
      store<f32>(y + (column << 2), sum * share);
    }
    x += repeats * row;
    y += row;
  }
}
