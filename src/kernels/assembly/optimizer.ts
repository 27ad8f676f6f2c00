// Updates of whole parameter blocks.

// Moments of inputs that are no longer seen would shrink until they are denormal and stay there, since 0.9 of the
// smallest denormal rounds to itself; arithmetic on those is many times slower (a training step took 1.3 times as
// long). Moments below these bounds become 0; against ε they were nothing.
const smallestFirstMoment: f32 = 1e-30;
const smallestSecondMoment: f32 = 1e-36;

/**
 * One step of Adam (Kingma & Ba 2015, arXiv 1412.6980) with bias correction, ε outside the square root:
 * m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², θ −= lr · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε), g = scale · gradient.
 *
 * @param stepSize lr / (1 − β₁ᵗ)
 * @param secondCorrection 1 / √(1 − β₂ᵗ)
 */
export function adamStep(
  parameters: usize,
  gradients: usize,
  firstMoment: usize,
  secondMoment: usize,
  count: usize,
  scale: f32,
  beta1: f64,
  beta2: f64,
  epsilon: f32,
  stepSize: f32,
  secondCorrection: f32,
): void {
  const vectorsEnd = parameters + ((count & ~3) << 2);
  const end = parameters + (count << 2);
  const scales = f32x4.splat(scale);
  // 1 − β is taken in f64: of 1 − 0.999 in f32 only four digits would be left.
  const b1 = <f32>beta1;
  const a1 = <f32>(1 - beta1);
  const b2 = <f32>beta2;
  const a2 = <f32>(1 - beta2);
  const keep1 = f32x4.splat(b1);
  const take1 = f32x4.splat(a1);
  const keep2 = f32x4.splat(b2);
  const take2 = f32x4.splat(a2);
  const epsilons = f32x4.splat(epsilon);
  const steps = f32x4.splat(stepSize);
  const corrections = f32x4.splat(secondCorrection);
  const noFirst = f32x4.splat(smallestFirstMoment);
  const noSecond = f32x4.splat(smallestSecondMoment);
  while (parameters < vectorsEnd) {
    const g = f32x4.mul(v128.load(gradients), scales);
    let m = f32x4.add(f32x4.mul(keep1, v128.load(firstMoment)), f32x4.mul(take1, g));
    let v = f32x4.add(f32x4.mul(keep2, v128.load(secondMoment)), f32x4.mul(take2, f32x4.mul(g, g)));
    m = v128.and(m, f32x4.ge(f32x4.abs(m), noFirst));
    v = v128.and(v, f32x4.ge(v, noSecond));
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(v), corrections), epsilons);
    v128.store(firstMoment, m);
    v128.store(secondMoment, v);
    v128.store(parameters, f32x4.sub(v128.load(parameters), f32x4.div(f32x4.mul(steps, m), root)));
    parameters += 16;
    gradients += 16;
    firstMoment += 16;
    secondMoment += 16;
  }
  while (parameters < end) {
    const g = load<f32>(gradients) * scale;
    let m = b1 * load<f32>(firstMoment) + a1 * g;
    let v = b2 * load<f32>(secondMoment) + a2 * (g * g);
    if (!(abs(m) >= smallestFirstMoment)) m = 0;
    if (!(v >= smallestSecondMoment)) v = 0;
    store<f32>(firstMoment, m);
    store<f32>(secondMoment, v);
    store<f32>(parameters, load<f32>(parameters) - (stepSize * m) / (sqrt<f32>(v) * secondCorrection + epsilon));
    parameters += 4;
    gradients += 4;
    firstMoment += 4;
    secondMoment += 4;
  }
}

/** target += τ · (source − target), for `count` floats. */
export function softUpdate(target: usize, source: usize, count: usize, tau: f32): void {
  const vectorsEnd = target + ((count & ~3) << 2);
  const end = target + (count << 2);
  const taus = f32x4.splat(tau);
  while (target < vectorsEnd) {
    const old = v128.load(target);
    v128.store(target, f32x4.add(old, f32x4.mul(taus, f32x4.sub(v128.load(source), old))));
    target += 16;
    source += 16;
  }
  while (target < end) {
    const old = load<f32>(target);
    store<f32>(target, old + tau * (load<f32>(source) - old));
    target += 4;
    source += 4;
  }
}

/** Copies `bytes`; the ranges may overlap. */
export function copyBytes(destination: usize, source: usize, bytes: usize): void {
  memory.copy(destination, source, bytes);
}

/** Sets `bytes` bytes to the low 8 bits of `value`. */
export function fillBytes(destination: usize, value: i32, bytes: usize): void {
  memory.fill(destination, <u8>value, bytes);
}
