import type { RandomStream } from '../random.js';
import type { World } from './world.js';

/**
 * What a cell holds: a plain object, and one object may stand in many cells (one gem serves them all). What differs
 * from cell to cell therefore lies in the world, not in the entity.
 */
export type Entity = StillEntity | ChangingEntity;

interface Appearance {
  /** What it looks like: entities of one kind cannot be told apart in an observation. */
  readonly kind: string;
  /** Reward to whoever steps on it, or tries to. */
  readonly value: number;
  /** Whether an agent may move here and take its place. */
  readonly passable: boolean;
}

/** An entity that does nothing by itself. */
export interface StillEntity extends Appearance {
  readonly hasTransitions: false;
}

/** An entity that may change when a turn begins. */
export interface ChangingEntity extends Appearance {
  readonly hasTransitions: true;
  /**
   * Probability in [0, 1] that one cell's entity takes its transition in a turn, independently of the others. The
   * world draws the cells, so a turn costs what changes and not what might have. Default 1: all of them, each turn.
   */
  readonly transitionProbability?: number;
  /** Changes the world; `cell` is where this entity stands. Draws from nothing but `random`. */
  transition(world: World, cell: number, random: RandomStream): void;
}
