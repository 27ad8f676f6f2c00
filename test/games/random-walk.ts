/**
 * What two uniformly random walkers gather in treasurehunt, exactly.
 *
 * Where they are. From any pair of distinct cells, a walker's step leads to a neighbour or, at a wall or the other
 * walker, nowhere; and each step is as likely as the step back. Such a chain keeps the uniform distribution over pairs,
 * with which an epoch starts. So each walker is in each of the n × n interior cells with probability 1/n², always.
 */

/** Expected bumps into walls: 4n of the 4n² pairs of cell and direction lead into one, so 1/n a walker and turn. */
export function expectedBumps(interiorSide: number, turns: number): number {
  return (2 * turns) / interiorSide;
}

/**
 * Expected number of treasures gathered in an epoch: the sum, over the cells c, of the probability that a walker steps
 * on c while there is a treasure. Followed turn by turn for each c over the positions (a, b) of the walkers:
 * `full[a, b]` = P(walkers at a and b, treasure on c). Takes O(n⁶ × turns): 10 s for the default 19 × 19 interior.
 */
export function expectedTreasures(interiorSide: number, turns: number, spawnProbability: number): number {
  const neighbours = neighboursOf(interiorSide);
  let gathered = 0;
  for (let cell = 0; cell < interiorSide ** 2; cell++) {
    gathered += expectedAt(cell, neighbours, turns, spawnProbability);
  }
  return gathered;
}

/** By cell and direction: the interior cell there, or the cell itself where there is a wall. */
function neighboursOf(side: number): number[][] {
  return Array.from({ length: side * side }, (_, cell) => {
    const [y, x] = [Math.floor(cell / side), cell % side];
    return [
      y > 0 ? cell - side : cell,
      y < side - 1 ? cell + side : cell,
      x > 0 ? cell - 1 : cell,
      x < side - 1 ? cell + 1 : cell,
    ];
  });
}

function expectedAt(cell: number, neighbours: readonly number[][], turns: number, spawnProbability: number): number {
  const cells = neighbours.length;
  const pair = 1 / (cells * (cells - 1));
  let full = new Float64Array(cells * cells);
  let gathered = 0;

  /** Moves the first walker of the pair; then the roles are exchanged, so that two calls make a turn. */
  const step = (): void => {
    const after = new Float64Array(cells * cells);
    for (let mover = 0; mover < cells; mover++) {
      for (let other = 0; other < cells; other++) {
        const quarter = full[mover * cells + other] / 4;
        for (const target of quarter === 0 ? [] : neighbours[mover]) {
          if (target === cell) gathered += quarter;
          else after[other * cells + (target === other ? mover : target)] += quarter;
        }
      }
    }
    full = after;
  };

  for (let turn = 0; turn < turns; turn++) {
    for (let first = 0; first < cells; first++) {
      for (let second = 0; second < cells; second++) {
        if (first === second || first === cell || second === cell) continue;
        full[first * cells + second] += spawnProbability * (pair - full[first * cells + second]);
      }
    }
    step();
    step();
  }
  return gathered;
}
