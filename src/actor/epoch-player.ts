import type { TurnEnvironment } from '../environment/environment.js';
import { MarlinError } from '../errors.js';
import { RandomStream } from '../random.js';
import type { AgentPlayer } from './agent-player.js';

/** One agent as it is played: its hands and eyes, and the weights it acts by. */
export interface PlayedAgent {
  readonly player: AgentPlayer;
  /** Byte offset of the parameter block. */
  readonly parameters: number;
  readonly weightsVersion: number;
  /** Share of random actions; 0 for none. */
  readonly epsilon: number;
}

/** One episode of one agent, or one epoch of the world. */
export interface EpisodeOutcome {
  readonly reward: number;
  readonly turns: number;
}

/** How an epoch went. Plain data. */
export interface EpochOutcome {
  readonly turns: number;
  /** One entry per agent. */
  readonly agents: readonly AgentOutcome[];
}

export interface AgentOutcome {
  /** Summed reward of the epoch. */
  readonly reward: number;
  /**
   * The agent's own episodes: those that ended by themselves, and the first of the epoch however it ended. What the end
   * of the epoch cuts off a later one is left out, for it would count as an episode that was short.
   */
  readonly episodes: readonly EpisodeOutcome[];
}

/** The tally of one agent in the epoch under way. */
class Tally implements AgentOutcome {
  reward = 0;
  readonly episodes: EpisodeOutcome[] = [];
  #reward = 0;
  #turns = 0;

  add(reward: number): void {
    this.reward += reward;
    this.#reward += reward;
    this.#turns++;
  }

  endEpisode(): void {
    this.episodes.push({ reward: this.#reward, turns: this.#turns });
    this.#reward = 0;
    this.#turns = 0;
  }

  outcome(): AgentOutcome {
    return { reward: this.reward, episodes: this.episodes };
  }
}

/**
 * Plays epochs of an environment by weights that do not change: no ring, no learner. The order of an epoch is the
 * actor's, see `Actor`.
 */
export class EpochPlayer {
  readonly #environment: TurnEnvironment;
  readonly #agents: readonly PlayedAgent[];
  readonly #maxTurns: number;
  readonly #isGreedy: boolean;

  /**
   * @param agents one per agent of the environment, in its order
   * @param isGreedy the best action always: no ε, no draws
   */
  constructor(environment: TurnEnvironment, agents: readonly PlayedAgent[], maxTurns: number, isGreedy: boolean) {
    this.#environment = environment;
    this.#agents = agents;
    this.#maxTurns = maxTurns;
    this.#isGreedy = isGreedy;
    for (const { player } of agents) player.isGreedy = isGreedy;
  }

  /**
   * Plays a whole epoch. All its randomness is named by seed and number, so that it is the same wherever and after
   * whatever it is played.
   * @param mayGoOn asked before each turn
   * @returns undefined where it might not go on
   */
  play(seed: number, epoch: number, mayGoOn: () => boolean): EpochOutcome | undefined {
    const environment = this.#environment;
    environment.reset(RandomStream.named({ seed, role: 'evaluation', epoch }));
    for (const { player } of this.#agents) {
      player.random = RandomStream.named({ seed, role: 'evaluation', agent: player.agent.id, epoch });
      player.beginEpisode();
    }
    const tallies = this.#agents.map(() => new Tally());
    for (let turns = 1; mayGoOn(); turns++) {
      environment.beginTurn();
      for (let agent = 0; agent < this.#agents.length; agent++) this.#act(agent);
      environment.endTurn();
      const isLast = environment.done || turns >= this.#maxTurns;
      for (let agent = 0; agent < this.#agents.length; agent++) this.#finishStep(agent, tallies[agent], isLast);
      if (isLast) return { turns, agents: tallies.map((tally) => tally.outcome()) };
    }
    return undefined;
  }

  #act(agent: number): void {
    const environment = this.#environment;
    const { player, parameters, weightsVersion, epsilon } = this.#agents[agent];
    environment.observe(agent, player.observation);
    if (player.legal !== undefined) environment.legalActions?.(agent, player.legal);
    player.see();
    if (!this.#isGreedy && epsilon > 0 && player.random.uniform() < epsilon) player.chooseAtRandom();
    else player.chooseByPolicy(parameters, weightsVersion);
    environment.act(agent, player.action);
  }

  #finishStep(agent: number, tally: Tally, isLast: boolean): void {
    const environment = this.#environment;
    const { player } = this.#agents[agent];
    const reward = environment.rewards[agent];
    if (!Number.isFinite(reward)) {
      const message = `The environment gave ${player.agent.id} a reward of ${reward} in evaluation; rewards must be finite.`;
      throw new MarlinError('ERR_ENVIRONMENT', message);
    }
    tally.add(reward);
    const hasEnded = environment.terminated[agent] !== 0 || environment.truncated[agent] !== 0;
    if (!hasEnded && !isLast) return;
    // What the calls say is of no use here, but environments may count on them.
    environment.observe(agent, player.observation);
    if (player.legal !== undefined) environment.legalActions?.(agent, player.legal);
    if (hasEnded || tally.episodes.length === 0) tally.endEpisode();
    player.beginEpisode();
  }
}
