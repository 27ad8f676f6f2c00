// Dueling heads (Wang et al. 2016, arXiv 1511.06581, equation 9). One linear layer gives a row [A₁ … Aₙ, V]; each of
// these is one number, or as many as a distribution has atoms, and these do not mix.

/** q[rows, actions, atoms] = V + A − mean(A), from heads[rows, actions + 1, atoms]. */
export function duelingForward(q: usize, heads: usize, rows: usize, actions: usize, atoms: usize): void {
  const stream = atoms << 2;
  const whole = (atoms & ~3) << 2;
  const size = actions * stream;
  const counts = f32x4.splat(<f32>actions);
  for (let row: usize = 0; row < rows; row++) {
    for (let atom: usize = 0; atom < whole; atom += 16) {
      let sum = f32x4.splat(0);
      for (let at = atom; at < size; at += stream) sum = f32x4.add(sum, v128.load(heads + at));
      const shift = f32x4.sub(v128.load(heads + size + atom), f32x4.div(sum, counts));
      for (let at = atom; at < size; at += stream) v128.store(q + at, f32x4.add(v128.load(heads + at), shift));
    }
    for (let atom = whole; atom < stream; atom += 4) {
      let sum: f32 = 0;
      for (let at = atom; at < size; at += stream) sum += load<f32>(heads + at);
      const shift = load<f32>(heads + size + atom) - sum / <f32>actions;
      for (let at = atom; at < size; at += stream) store<f32>(q + at, load<f32>(heads + at) + shift);
    }
    q += size;
    heads += size + stream;
  }
}

/** headGradient[rows, actions + 1, atoms] from qGradient[rows, actions, atoms]: dA = dQ − mean(dQ), dV = Σ dQ. */
export function duelingBackward(
  headGradient: usize,
  qGradient: usize,
  rows: usize,
  actions: usize,
  atoms: usize,
): void {
  const stream = atoms << 2;
  const whole = (atoms & ~3) << 2;
  const size = actions * stream;
  const counts = f32x4.splat(<f32>actions);
  for (let row: usize = 0; row < rows; row++) {
    for (let atom: usize = 0; atom < whole; atom += 16) {
      let sum = f32x4.splat(0);
      for (let at = atom; at < size; at += stream) sum = f32x4.add(sum, v128.load(qGradient + at));
      const mean = f32x4.div(sum, counts);
      for (let at = atom; at < size; at += stream) {
        v128.store(headGradient + at, f32x4.sub(v128.load(qGradient + at), mean));
      }
      v128.store(headGradient + size + atom, sum);
    }
    for (let atom = whole; atom < stream; atom += 4) {
      let sum: f32 = 0;
      for (let at = atom; at < size; at += stream) sum += load<f32>(qGradient + at);
      const mean = sum / <f32>actions;
      for (let at = atom; at < size; at += stream) store<f32>(headGradient + at, load<f32>(qGradient + at) - mean);
      store<f32>(headGradient + size + atom, sum);
    }
    qGradient += size;
    headGradient += size + stream;
  }
}
