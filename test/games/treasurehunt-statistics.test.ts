import { describe, expect, it } from 'vitest';
import { playGreedily } from './greedy-policy.js';
import { estimate, makeTreasurehunt, playRandomly } from './play.js';
import { expectedBumps, expectedTreasures } from './random-walk.js';

/** Seeds are fixed: what lies within four standard errors once, always does. */
const standardErrors = 4;

const meanTreasure = (10 + 5 - 10) / 3;

describe('the random policy in treasurehunt', () => {
  it('scores at the defaults what two random walkers gather, less what they bump', async () => {
    const game = await makeTreasurehunt();
    const results = Array.from({ length: 40_000 }, (_, epoch) => playRandomly(game, 1, epoch, 100));
    const reward = estimate(results.map((result) => result.reward));
    const bumps = estimate(results.map((result) => result.bumps));
    // 19.338972 = expectedTreasures(19, 100, 0.005), which takes too long for a test.
    const expected = 19.338972 * meanTreasure - expectedBumps(19, 100);
    expect(expected).toBeCloseTo(21.7053, 4);
    expect(Math.abs(reward.mean - expected)).toBeLessThan(standardErrors * reward.standardError);
    expect(Math.abs(bumps.mean - expectedBumps(19, 100))).toBeLessThan(standardErrors * bumps.standardError);
    // The specification's figures, 21.6 and 39, were themselves estimated.
    expect(reward.standardError).toBeLessThan(0.2);
    expect(Math.abs(reward.mean - 21.6)).toBeLessThan(1);
    expect(Math.abs(reward.deviation - 39)).toBeLessThan(1);
  });

  it('scores what theory says in a small field, where walkers meet often', async () => {
    const [turns, spawnProbability] = [60, 0.02];
    const game = await makeTreasurehunt({
      height: 7,
      width: 7,
      spawnProbability,
      wallValue: 0,
      foodValue: 10,
      boneValue: 10,
    });
    const rewards = Array.from({ length: 20_000 }, (_, epoch) => playRandomly(game, 2, epoch, turns).reward / 10);
    const treasures = estimate(rewards);
    const expected = expectedTreasures(5, turns, spawnProbability);
    expect(expected).toBeCloseTo(14.2517, 4);
    expect(Math.abs(treasures.mean - expected)).toBeLessThan(standardErrors * treasures.standardError);
  });

  it('scores in gems-only what was measured, and less than a greedy policy', async () => {
    const game = await makeTreasurehunt({ variant: 'gems-only' });
    const random = estimate(Array.from({ length: 4000 }, (_, epoch) => playRandomly(game, 3, epoch, 50).reward));
    const greedy = estimate(Array.from({ length: 400 }, (_, epoch) => playGreedily(game, 3, epoch, 50)));
    expect(Math.abs(random.mean - 257)).toBeLessThan(standardErrors * random.standardError);
    expect(Math.abs(greedy.mean - 532)).toBeLessThan(standardErrors * greedy.standardError);
  });
});

describe('the greedy policy in treasurehunt', () => {
  it('scores what the page of the game says', async () => {
    const game = await makeTreasurehunt();
    const greedy = estimate(Array.from({ length: 1000 }, (_, epoch) => playGreedily(game, 4, epoch, 100)));
    expect(Math.abs(greedy.mean - 407)).toBeLessThan(standardErrors * greedy.standardError);
  });
});
