// Random orders, drawn from a generator whose state lies in memory.

// @ts-ignore: decorator
@inline
function rotated(x: u64, by: u64): u64 {
  return (x << by) | (x >> (64 - by));
}

/** Next 32 bits of a xoroshiro128++ (Blackman & Vigna 2021) with its state at `generator`, u64 [2], not all zeros. */
// @ts-ignore: decorator
@inline
function nextWord(generator: usize): u64 {
  const s0 = load<u64>(generator);
  const s1 = load<u64>(generator, 8);
  const mixed = s1 ^ s0;
  store<u64>(generator, rotated(s0, 49) ^ mixed ^ (mixed << 21));
  store<u64>(generator, rotated(mixed, 28), 8);
  return (rotated(s0 + s1, 17) + s0) >> 32;
}

/** Uniform in [0, count), without bias (Lemire 2019, arXiv 1805.10941). */
function integerBelow(count: u64, generator: usize): u64 {
  const unfair = (<u64>1 << 32) % count;
  let product = nextWord(generator) * count;
  while ((product & 0xffffffff) < unfair) product = nextWord(generator) * count;
  return product >> 32;
}

/** Writes the numbers 0 … count − 1 to i32 [count] in random order, each order being as likely (Fisher & Yates). */
export function randomOrder(numbers: usize, count: usize, generator: usize): void {
  for (let index: usize = 0; index < count; index++) {
    const other = <usize>integerBelow(<u64>index + 1, generator);
    store<u32>(numbers + (index << 2), load<u32>(numbers + (other << 2)));
    store<u32>(numbers + (other << 2), <u32>index);
  }
}
