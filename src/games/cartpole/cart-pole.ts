import type { ObservationArray } from '../../environment/environment.js';
import type { SoloTask } from '../../environment/solo-episodes.js';
import { scalarMath } from '../../kernels/scalar-math.js';
import type { RandomStream } from '../../random.js';

/** Metres, kilograms, seconds, radians. */
const gravity = 9.8;
const cartMass = 1;
const poleMass = 0.1;
const totalMass = poleMass + cartMass;
const halfPoleLength = 0.5;
const poleMassLength = poleMass * halfPoleLength;
const pushForce = 10;
const timeStep = 0.02;
const positionLimit = 2.4;
const angleLimit = (12 * 2 * Math.PI) / 360;
const startRange = 0.05;

/**
 * A pole on a cart that is pushed left (0) or right (1): CartPole-v1. Equations: Barto, Sutton and Anderson 1983, without
 * friction (Florian 2005), integrated by Euler's method. Products are taken in Gymnasium's order, so that a step differs
 * from its by no more than the last bit of a sine.
 */
export class CartPole implements SoloTask {
  /** [position, velocity, angle from upright, angular velocity]; f64, as an observation it is rounded to f32. */
  readonly state = new Float64Array(4);
  /** Every step counts, the last one too. */
  readonly reward = 1;
  isTerminal = false;
  readonly #math = scalarMath();

  restart(random: RandomStream): void {
    for (let index = 0; index < 4; index++) this.state[index] = (2 * random.uniform() - 1) * startRange;
    this.isTerminal = false;
  }

  step(action: number): void {
    const { state } = this;
    const velocity = state[1];
    const angle = state[2];
    const angularVelocity = state[3];
    const sine = this.#math.sine(angle);
    const cosine = this.#math.cosine(angle);
    const force = action === 1 ? pushForce : -pushForce;
    const push = (force + poleMassLength * (angularVelocity * angularVelocity) * sine) / totalMass;
    const angularAcceleration =
      (gravity * sine - cosine * push) / (halfPoleLength * (4 / 3 - (poleMass * (cosine * cosine)) / totalMass));
    const acceleration = push - (poleMassLength * angularAcceleration * cosine) / totalMass;
    // Euler's method: the new position follows from the old velocity.
    state[0] += timeStep * velocity;
    state[1] += timeStep * acceleration;
    state[2] += timeStep * angularVelocity;
    state[3] += timeStep * angularAcceleration;
    this.isTerminal =
      state[0] < -positionLimit || state[0] > positionLimit || state[2] < -angleLimit || state[2] > angleLimit;
  }

  observe(out: ObservationArray): void {
    for (let index = 0; index < 4; index++) out[index] = this.state[index];
  }
}
