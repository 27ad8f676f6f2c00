// Dueling heads (Wang et al. 2016, arXiv 1511.06581, equation 9). One linear layer gives a row [A₁ … Aₙ, V].

/** q[rows, actions] = V + A − mean(A), from heads[rows, actions + 1]. */
export function duelingForward(q: usize, heads: usize, rows: usize, actions: usize): void {
  const size = actions << 2;
  for (let row: usize = 0; row < rows; row++) {
    let sum: f32 = 0;
    for (let action: usize = 0; action < size; action += 4) sum += load<f32>(heads + action);
    const shift = load<f32>(heads + size) - sum / <f32>actions;
    for (let action: usize = 0; action < size; action += 4) store<f32>(q + action, load<f32>(heads + action) + shift);
    q += size;
    heads += size + 4;
  }
}

/** headGradient[rows, actions + 1] from qGradient[rows, actions]: dA = dQ − mean(dQ), dV = Σ dQ. */
export function duelingBackward(headGradient: usize, qGradient: usize, rows: usize, actions: usize): void {
  const size = actions << 2;
  for (let row: usize = 0; row < rows; row++) {
    let sum: f32 = 0;
    for (let action: usize = 0; action < size; action += 4) sum += load<f32>(qGradient + action);
    const mean = sum / <f32>actions;
    for (let action: usize = 0; action < size; action += 4) {
      store<f32>(headGradient + action, load<f32>(qGradient + action) - mean);
    }
    store<f32>(headGradient + size, sum);
    qGradient += size;
    headGradient += size + 4;
  }
}
