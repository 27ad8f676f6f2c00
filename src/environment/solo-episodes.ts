import { MarlinError } from '../errors.js';
import type { RandomStream } from '../random.js';
import { checkAction } from './discrete-action.js';
import type { AgentSpec, DiscreteSpace, ObservationArray, TurnEnvironment } from './environment.js';

/** A world with one agent in it. */
export interface SoloTask {
  /** Reward of the last step. */
  readonly reward: number;
  /** Whether the last step ended the episode for good. */
  readonly isTerminal: boolean;
  /** Starts an episode; all that it draws comes from `random`. */
  restart(random: RandomStream): void;
  step(action: number): void;
  observe(out: ObservationArray): void;
}

/** What an agent of such a world observes and does. */
export interface SoloSpace extends Pick<AgentSpec, 'observation'> {
  readonly action: DiscreteSpace;
}

export interface SoloEpisodesParts<Task extends SoloTask> {
  /** One per agent. */
  readonly tasks: readonly Task[];
  /** What all agents observe and do. */
  readonly space: SoloSpace;
  /** Steps after which an episode is truncated. */
  readonly maxSteps: number;
}

/**
 * Agents that play a task each, side by side: nothing that one does reaches another. An episode ends by itself: its flag
 * is set in that turn, its final observation stays until the next `beginTurn`, which starts the agent's next episode.
 * An epoch lasts until every agent has ended an episode; with one agent it is that episode. Turns allocate nothing.
 */
export class SoloEpisodes<Task extends SoloTask> implements TurnEnvironment {
  readonly agents: readonly AgentSpec[];
  readonly rewards: Float32Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  readonly tasks: readonly Task[];
  done = false;

  readonly #maxSteps: number;
  readonly #actionCount: number;
  /** Steps of each agent's running episode. */
  readonly #steps: Float64Array;
  /** 1 where an agent has ended an episode in this epoch, and the number of those that have not. */
  readonly #hasEnded: Uint8Array;
  #awaited = 0;
  #random: RandomStream | undefined;

  constructor({ tasks, space, maxSteps }: SoloEpisodesParts<Task>) {
    this.tasks = tasks;
    this.agents = tasks.map((_, index) => ({ id: `agent-${index}`, ...space }));
    this.rewards = new Float32Array(tasks.length);
    this.terminated = new Uint8Array(tasks.length);
    this.truncated = new Uint8Array(tasks.length);
    this.#maxSteps = maxSteps;
    this.#actionCount = space.action.count;
    this.#steps = new Float64Array(tasks.length);
    this.#hasEnded = new Uint8Array(tasks.length);
  }

  reset(random: RandomStream): void {
    this.#random = random;
    this.rewards.fill(0);
    this.done = false;
    this.#awaited = this.tasks.length;
    this.#hasEnded.fill(0);
    for (let agent = 0; agent < this.tasks.length; agent++) this.#restart(agent, random);
  }

  beginTurn(): void {
    const random = this.#random;
    if (random === undefined) throw new MarlinError('ERR_STATE', 'An epoch begins with reset(), not with a turn.');
    this.rewards.fill(0);
    for (let agent = 0; agent < this.tasks.length; agent++) {
      if (this.#isOver(agent)) this.#restart(agent, random);
    }
  }

  observe(agent: number, out: ObservationArray): void {
    this.tasks[agent].observe(out);
  }

  act(agent: number, action: number): void {
    checkAction(agent, action, this.#actionCount);
    const task = this.tasks[agent];
    task.step(action);
    this.#steps[agent]++;
    this.rewards[agent] = task.reward;
    if (task.isTerminal) this.terminated[agent] = 1;
    else if (this.#steps[agent] >= this.#maxSteps) this.truncated[agent] = 1;
  }

  endTurn(): void {
    for (let agent = 0; agent < this.tasks.length; agent++) {
      if (this.#hasEnded[agent] !== 0 || !this.#isOver(agent)) continue;
      this.#hasEnded[agent] = 1;
      this.#awaited--;
    }
    this.done = this.#awaited === 0;
  }

  #isOver(agent: number): boolean {
    return this.terminated[agent] !== 0 || this.truncated[agent] !== 0;
  }

  #restart(agent: number, random: RandomStream): void {
    this.terminated[agent] = 0;
    this.truncated[agent] = 0;
    this.#steps[agent] = 0;
    this.tasks[agent].restart(random);
  }
}
