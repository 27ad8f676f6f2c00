// Sine and cosine in f64, from AssemblyScript's own library: arithmetic alone, so that every engine
// gives the same bits. Its range reduction hands over results in two globals; they belong to the instance, not to the
// shared memory, and live no longer than one call. Its table for |x| > 1.6e6 is 192 bytes of static data.

/** x in radians; NaN for what is not finite. */
export function sine(x: f64): f64 {
  return NativeMath.sin(x);
}

/** x in radians; NaN for what is not finite. */
export function cosine(x: f64): f64 {
  return NativeMath.cos(x);
}
