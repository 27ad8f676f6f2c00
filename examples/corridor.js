// An environment of one's own: a corridor with the prize at its right end. Two walkers, one of them starting nearer.
// Used by examples/own-environment.js. A run makes its environment in the thread that steps it, so it is a module.

const length = 9;

/** @typedef {import('marlin-rl').TurnEnvironment} TurnEnvironment */

/** @implements {TurnEnvironment} */
class Corridor {
  agents = ['near', 'far'].map((id) => ({
    id,
    observation: /** @type {const} */ ({ size: length, dtype: 'u8' }),
    action: /** @type {const} */ ({ kind: 'discrete', count: 2, names: ['left', 'right'] }),
  }));
  rewards = new Float32Array(2);
  terminated = new Uint8Array(2);
  truncated = new Uint8Array(2);
  done = false;
  #places = [0, 0];

  /** @param {import('marlin-rl').RandomStream} random */
  reset(random) {
    this.done = false;
    this.terminated.fill(0);
    this.#places = [4 + random.integer(2), random.integer(2)];
  }

  beginTurn() {
    this.rewards.fill(0);
  }

  /**
   * @param {number} agent
   * @param {import('marlin-rl').ObservationArray} out
   */
  observe(agent, out) {
    out.fill(0);
    out[this.#places[agent]] = 1;
  }

  /**
   * @param {number} agent
   * @param {number} action
   */
  act(agent, action) {
    const place = this.#places[agent] + (action === 1 ? 1 : -1);
    this.#places[agent] = Math.min(length - 1, Math.max(0, place));
    this.rewards[agent] = this.#places[agent] === length - 1 ? 10 : -0.1;
  }

  endTurn() {
    // Whoever arrives first ends the epoch for both.
    this.done = this.#places.includes(length - 1);
    if (this.done) this.terminated.fill(1);
  }
}

export const environment = {
  create: () => new Corridor(),
};
