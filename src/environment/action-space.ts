import type { ActionSpace } from './environment.js';

/** Values of one action: how many 32-bit words it takes in a ring and in a batch. */
export function actionSize(space: ActionSpace): number {
  switch (space.kind) {
    case 'discrete':
      return 1;
    case 'multi-discrete':
      return space.counts.length;
    case 'box':
      return space.size;
  }
}

/** Entries of an action mask: one for each option of each choice; a box has none. */
export function actionMaskSize(space: ActionSpace): number {
  switch (space.kind) {
    case 'discrete':
      return space.count;
    case 'multi-discrete':
      return space.counts.reduce((sum, count) => sum + count, 0);
    case 'box':
      return 0;
  }
}

/** The numbers of options of each discrete choice; a box has none. */
export function choiceCounts(space: ActionSpace): readonly number[] {
  switch (space.kind) {
    case 'discrete':
      return [space.count];
    case 'multi-discrete':
      return space.counts;
    case 'box':
      return [];
  }
}
