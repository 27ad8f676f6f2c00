import { checkAction } from '../../environment/discrete-action.js';
import type { AgentSpec, ObservationArray, TurnEnvironment } from '../../environment/environment.js';
import { Body, directions } from '../../environment/movement.js';
import { OneHotWindow } from '../../environment/one-hot-window.js';
import { World, type WorldState } from '../../environment/world.js';
import { MarlinError } from '../../errors.js';
import type { RandomStream } from '../../random.js';
import { kinds, makeEntities, type TreasurehuntEntities } from './entities.js';
import type { TreasurehuntOptions } from './options.js';

/** The layer in which everything happens; layer 0 is sand. */
const objects = 1;

/**
 * Treasurehunt (the rules: README.md beside this file). Nobody's episode ends by itself: `done`, `terminated` and
 * `truncated` stay 0, and the run's `maxTurns` cuts the epoch. Turns, observing and acting allocate nothing.
 */
export class TreasurehuntEnvironment implements TurnEnvironment {
  readonly agents: readonly AgentSpec[];
  readonly rewards: Float32Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  readonly done = false;
  readonly world: World;
  /** Where each agent stands. */
  readonly bodies: readonly Body[];

  readonly #entities: TreasurehuntEntities;
  readonly #window: OneHotWindow;
  /** The world before agents and treasures: walls and empty cells. */
  readonly #cleared: WorldState;
  #random: RandomStream | undefined;

  constructor(options: TreasurehuntOptions) {
    const entities = makeEntities(options);
    const { sand, empty, wall, treasures, agents } = entities;
    this.world = new World({
      height: options.height,
      width: options.width,
      layers: [sand, empty],
      entities: [wall, ...treasures, ...agents],
    });
    surround(this.world, entities);
    this.#entities = entities;
    this.#cleared = this.world.save();
    this.#window = new OneHotWindow(this.world, { kinds, radius: options.viewRadius });
    this.bodies = agents.map(() => new Body(this.world, objects));
    this.agents = agents.map((_, index) => ({
      id: `agent-${index}`,
      observation: { size: this.#window.size, dtype: 'u8', shape: this.#window.shape },
      action: { kind: 'discrete', count: directions.length, names: directions },
    }));
    this.rewards = new Float32Array(agents.length);
    this.terminated = new Uint8Array(agents.length);
    this.truncated = new Uint8Array(agents.length);
  }

  reset(random: RandomStream): void {
    this.#random = random;
    this.world.restore(this.#cleared);
    this.rewards.fill(0);
    const emptyCells = this.world.cellsHolding(this.#entities.empty);
    for (let agent = 0; agent < this.bodies.length; agent++) {
      const cell = emptyCells.at(random.integer(emptyCells.size));
      this.world.add(cell, this.#entities.agents[agent]);
      this.bodies[agent].place(cell);
    }
  }

  beginTurn(): void {
    if (this.#random === undefined)
      throw new MarlinError('ERR_STATE', 'An epoch begins with reset(), not with a turn.');
    this.rewards.fill(0);
    this.world.takeTransitions(this.#random);
  }

  observe(agent: number, out: ObservationArray): void {
    const body = this.bodies[agent];
    this.#window.observe(body.y, body.x, out);
  }

  act(agent: number, action: number): void {
    checkAction(agent, action, directions.length);
    this.rewards[agent] += this.bodies[agent].step(action);
  }

  endTurn(): void {}
}

function surround(world: World, { wall }: TreasurehuntEntities): void {
  for (let y = 0; y < world.height; y++) {
    for (let x = 0; x < world.width; x++) {
      const onBorder = y === 0 || y === world.height - 1 || x === 0 || x === world.width - 1;
      if (onBorder) world.add(world.cellAt(y, x, objects), wall);
    }
  }
}
