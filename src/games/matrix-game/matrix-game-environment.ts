import { checkAction } from '../../environment/discrete-action.js';
import type { AgentSpec, ObservationArray, TurnEnvironment } from '../../environment/environment.js';
import { matrixGames, type MatrixGameOptions } from './options.js';

/** An observation is one-hot: nothing was played yet, then the joint actions CC, CD, DC, DD, the agent's own first. */
const observationSize = 5;

/**
 * A matrix game played again and again by two agents (the rules: README.md beside this file). What an agent does is
 * kept back until both have acted. `done`, `terminated` and `truncated` stay 0: the run's `maxTurns` cuts the epoch.
 * Nothing is random. Turns allocate nothing.
 */
export class MatrixGameEnvironment implements TurnEnvironment {
  readonly agents: readonly AgentSpec[];
  readonly rewards = new Float32Array(2);
  readonly terminated = new Uint8Array(2);
  readonly truncated = new Uint8Array(2);
  readonly done = false;

  /** By joint action. */
  readonly #payoffs: Float32Array;
  /** Actions of this turn: 0 cooperates, 1 defects. */
  readonly #actions = new Uint8Array(2);
  /** By agent: which value of its observation is 1. */
  readonly #observed = new Uint8Array(2);

  constructor({ game, payoffs }: MatrixGameOptions) {
    this.#payoffs = Float32Array.of(payoffs.CC, payoffs.CD, payoffs.DC, payoffs.DD);
    this.agents = [0, 1].map((agent) => ({
      id: `agent-${agent}`,
      observation: { size: observationSize, dtype: 'u8' },
      action: { kind: 'discrete', count: 2, names: matrixGames[game].actions },
    }));
  }

  reset(): void {
    this.rewards.fill(0);
    this.#observed.fill(0);
  }

  beginTurn(): void {
    this.rewards.fill(0);
  }

  observe(agent: number, out: ObservationArray): void {
    out.fill(0);
    out[this.#observed[agent]] = 1;
  }

  act(agent: number, action: number): void {
    checkAction(agent, action, 2);
    this.#actions[agent] = action;
  }

  endTurn(): void {
    for (let agent = 0; agent < 2; agent++) {
      const joint = 2 * this.#actions[agent] + this.#actions[1 - agent];
      this.rewards[agent] = this.#payoffs[joint];
      this.#observed[agent] = 1 + joint;
    }
  }
}
