import type { ChangingEntity, Entity, StillEntity } from '../../environment/entity.js';
import type { TreasurehuntOptions } from './options.js';

/** The kinds of entities in the order of the observation's channels, whatever the variant. */
export const kinds = ['EmptyEntity', 'Wall', 'Gem', 'Bone', 'Food', 'TreasurehuntAgent'] as const;

type Kind = (typeof kinds)[number];

export interface TreasurehuntEntities {
  /** What lies under everything: nothing to see, and nothing grows on it. */
  readonly sand: Entity;
  /** An interior cell without anything; treasures spawn here. */
  readonly empty: ChangingEntity;
  readonly wall: Entity;
  readonly treasures: readonly Entity[];
  readonly agents: readonly Entity[];
}

export function makeEntities(options: TreasurehuntOptions): TreasurehuntEntities {
  const gem = still('Gem', options.gemValue, true);
  const treasures =
    options.variant === 'gems-only'
      ? [gem]
      : [gem, still('Food', options.foodValue, true), still('Bone', options.boneValue, true)];
  return {
    sand: still('EmptyEntity', 0, true),
    empty: {
      kind: 'EmptyEntity' satisfies Kind,
      value: 0,
      passable: true,
      hasTransitions: true,
      transitionProbability: options.spawnProbability,
      transition(world, cell, random) {
        world.add(cell, treasures[random.integer(treasures.length)]);
      },
    },
    wall: still('Wall', options.wallValue, false),
    treasures,
    agents: Array.from({ length: options.agents }, () => still('TreasurehuntAgent', 0, false)),
  };
}

function still(kind: Kind, value: number, passable: boolean): StillEntity {
  return { kind, value, passable, hasTransitions: false };
}
