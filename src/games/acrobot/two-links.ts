import type { ObservationArray } from '../../environment/environment.js';
import type { SoloTask } from '../../environment/solo-episodes.js';
import { scalarMath } from '../../kernels/scalar-math.js';
import type { RandomStream } from '../../random.js';

/** Metres, kilograms, seconds, radians; both links are alike. */
const gravity = 9.8;
const linkMass = 1;
const linkLength = 1;
/** From a link's upper joint to its centre of mass. */
const centre = 0.5;
const momentOfInertia = 1;
const timeStep = 0.2;
const velocityLimit1 = 4 * Math.PI;
const velocityLimit2 = 9 * Math.PI;
const targetHeight = 1;
const startRange = 0.1;

const noSlope = new Float64Array(4);

/**
 * Two links that hang from a joint, with a torque of −1, 0 or +1 at the joint between them: Acrobot-v1. Equations:
 * Sutton and Barto, Reinforcement Learning (1998), section 11.3; one step of the classical Runge-Kutta method each.
 */
export class TwoLinks implements SoloTask {
  /** [θ₁ from hanging down, θ₂ from the first link's direction, θ̇₁, θ̇₂], f64; angles within ±π. */
  readonly state = new Float64Array(4);
  isTerminal = false;
  readonly #math = scalarMath();
  readonly #slope1 = new Float64Array(4);
  readonly #slope2 = new Float64Array(4);
  readonly #slope3 = new Float64Array(4);
  readonly #slope4 = new Float64Array(4);

  /** Each step costs 1, but for the one that reaches the target. */
  get reward(): number {
    return this.isTerminal ? 0 : -1;
  }

  restart(random: RandomStream): void {
    for (let index = 0; index < 4; index++) this.state[index] = (2 * random.uniform() - 1) * startRange;
    this.isTerminal = false;
  }

  step(action: number): void {
    const torque = action - 1;
    const state = this.state;
    const slope1 = this.#slope1;
    const slope2 = this.#slope2;
    const slope3 = this.#slope3;
    const slope4 = this.#slope4;
    this.#writeSlope(slope1, noSlope, 0, torque);
    this.#writeSlope(slope2, slope1, timeStep / 2, torque);
    this.#writeSlope(slope3, slope2, timeStep / 2, torque);
    this.#writeSlope(slope4, slope3, timeStep, torque);
    for (let index = 0; index < 4; index++) {
      state[index] += (timeStep / 6) * (slope1[index] + 2 * slope2[index] + 2 * slope3[index] + slope4[index]);
    }
    state[0] = wrap(state[0]);
    state[1] = wrap(state[1]);
    state[2] = Math.min(Math.max(state[2], -velocityLimit1), velocityLimit1);
    state[3] = Math.min(Math.max(state[3], -velocityLimit2), velocityLimit2);
    // The free end's height above the upper joint.
    const height = -this.#math.cosine(state[0]) - this.#math.cosine(state[1] + state[0]);
    this.isTerminal = height > targetHeight;
  }

  observe(out: ObservationArray): void {
    const { state } = this;
    out[0] = this.#math.cosine(state[0]);
    out[1] = this.#math.sine(state[0]);
    out[2] = this.#math.cosine(state[1]);
    out[3] = this.#math.sine(state[1]);
    out[4] = state[2];
    out[5] = state[3];
  }

  /** Writes d(state)/dt at state + time · previous. The book's names: d₁, d₂, φ₁, φ₂. */
  #writeSlope(slope: Float64Array, previous: Float64Array, time: number, torque: number): void {
    const { state } = this;
    const angle1 = state[0] + time * previous[0];
    const angle2 = state[1] + time * previous[1];
    const velocity1 = state[2] + time * previous[2];
    const velocity2 = state[3] + time * previous[3];
    const sine2 = this.#math.sine(angle2);
    const cosine2 = this.#math.cosine(angle2);
    const coupling = linkMass * linkLength * centre;
    const inertia2 = linkMass * (centre * centre) + momentOfInertia;
    const d1 =
      linkMass * (centre * centre) +
      linkMass * (linkLength * linkLength + centre * centre + 2 * linkLength * centre * cosine2) +
      2 * momentOfInertia;
    const d2 = linkMass * (centre * centre + linkLength * centre * cosine2) + momentOfInertia;
    const phi2 = linkMass * centre * gravity * this.#math.sine(angle1 + angle2);
    const phi1 =
      -coupling * (velocity2 * velocity2) * sine2 -
      2 * coupling * velocity2 * velocity1 * sine2 +
      (linkMass * centre + linkMass * linkLength) * gravity * this.#math.sine(angle1) +
      phi2;
    const acceleration2 =
      (torque + (d2 / d1) * phi1 - coupling * (velocity1 * velocity1) * sine2 - phi2) / (inertia2 - (d2 * d2) / d1);
    slope[0] = velocity1;
    slope[1] = velocity2;
    slope[2] = -(d2 * acceleration2 + phi1) / d1;
    slope[3] = acceleration2;
  }
}

/** The same angle within [−π, π]; one step turns a link by less than a few turns. */
function wrap(angle: number): number {
  let wrapped = angle;
  while (wrapped > Math.PI) wrapped -= 2 * Math.PI;
  while (wrapped < -Math.PI) wrapped += 2 * Math.PI;
  return wrapped;
}
