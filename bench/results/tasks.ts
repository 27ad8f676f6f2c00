import type { MarlConfiguration } from 'marlin-rl';
import type { SeedResult, Task } from './task.js';
import { scoreOf } from './task.js';

const threeSeeds = [1, 2, 3];
const fiveSeeds = [1, 2, 3, 4, 5];
const hundredEpisodes = { kind: 'greedy', episodes: 100 } as const;
const lastHundred = { kind: 'training', lastEpochs: 100 } as const;

/** True where the mean over the seeds reaches `mean`, and each of them `each`. */
function reaches(mean: number, each = -Infinity): Task['isMet'] {
  return (results) => {
    const scores = results.map(scoreOf);
    return scores.reduce((sum, score) => sum + score, 0) / scores.length >= mean && Math.min(...scores) >= each;
  };
}

function seedsReaching(bar: number, least: number): Task['isMet'] {
  return (results) => results.filter((result) => scoreOf(result) >= bar).length >= least;
}

/** Settings of rl-baselines3-zoo that both CartPole rows of DQN share: every 256 turns 128 training steps. */
const cartPoleRates = { trainInterval: 256, gradientSteps: 128, learningStarts: 1_000, publishInterval: 128 };
const cartPoleTurns = 50_000;
const cartPoleEpsilon = { start: 1, end: 0.04, duration: 0.16 * cartPoleTurns, unit: 'turns' };
const cartPoleLearningRate = { start: 2.3e-3, end: 0, duration: cartPoleTurns, unit: 'turns' };
const cartPoleTarget = { kind: 'soft', tau: 0.005 };
const cartPoleDqn = {
  name: 'dqn',
  hiddenSizes: [256, 256],
  dueling: false,
  frameStack: 1,
  discount: 0.99,
  nStep: 3,
  learningRate: cartPoleLearningRate,
  targetUpdate: cartPoleTarget,
  epsilon: cartPoleEpsilon,
};

function cartPole(
  seed: number,
  totalTurns: number,
  algorithm: Readonly<Record<string, unknown>>,
  parallel: MarlConfiguration['parallel'] = {},
  environmentOptions: Readonly<Record<string, unknown>> = {},
): MarlConfiguration {
  return {
    environment: 'cartpole',
    environmentOptions,
    agents: { algorithm },
    experiment: { totalTurns, seed },
    parallel: { ...cartPoleRates, batchSize: 64, bufferCapacity: 100_000, ...parallel },
  };
}

function treasurehunt(
  seed: number,
  epochs: number,
  algorithm: Readonly<Record<string, unknown>>,
  parallel: MarlConfiguration['parallel'] = {},
): MarlConfiguration {
  return { environment: 'treasurehunt', agents: { algorithm }, experiment: { epochs, seed }, parallel };
}

const sourceSettings = { name: 'iqn', preset: 'source' };

function dilemma(discount: number, expected: string, isMet: Task['isMet']): Task {
  return {
    name: `dilemma-${discount}`,
    title: `Iterated prisoner's dilemma, memory 1, discount ${discount}`,
    settings: `two independent DQN, 64, no frames stacked, learning rate 1e-3, ε → 0.02 over half of 400 epochs of 100 turns`,
    bar: expected,
    seeds: fiveSeeds,
    score: lastHundred,
    configuration: (seed) => ({
      environment: 'matrix-game',
      agents: {
        algorithm: {
          name: 'dqn',
          hiddenSizes: [64],
          frameStack: 1,
          nStep: 1,
          discount,
          learningRate: 1e-3,
          epsilon: { start: 1, end: 0.02, duration: 200 },
        },
      },
      experiment: { epochs: 400, seed },
    }),
    isMet,
  };
}

/** Of 100 turns and both agents: 200 is mutual defection, 600 mutual cooperation. */
function mutualDefection(results: readonly SeedResult[]): boolean {
  return results.every((result) => scoreOf(result) < 250);
}

/** The table of the specification, "Results to reproduce". */
export const tasks: readonly Task[] = [
  {
    name: 'treasurehunt-dqn',
    title: 'Treasurehunt, DQN, 300 epochs',
    settings: 'the defaults',
    bar: 'mean of epochs 201–300 ≥ 300 over 3 seeds, each ≥ 285',
    seeds: threeSeeds,
    score: lastHundred,
    configuration: (seed) => treasurehunt(seed, 300, { name: 'dqn' }),
    isMet: reaches(300, 285),
  },
  {
    name: 'treasurehunt-dqn-long',
    title: 'Treasurehunt, DQN, 1000 epochs',
    settings: 'the defaults, ε → 0.02 by epoch 200',
    bar: 'mean of the last 100 ≥ 350; the trailing mean of 100 passes 231 by epoch 220',
    seeds: fiveSeeds,
    score: lastHundred,
    configuration: (seed) =>
      treasurehunt(seed, 1_000, { name: 'dqn', epsilon: { start: 1, end: 0.02, duration: 200 } }),
    isMet: (results) =>
      reaches(350)(results) === true && results.every(({ sourcePassedAt }) => (sourcePassedAt ?? Infinity) <= 220),
  },
  {
    name: 'treasurehunt-iqn',
    title: "Treasurehunt, IQN, the source's settings but n-step 1, 1000 epochs",
    settings: 'preset `source`, n-step 1: one training step per epoch',
    bar: 'mean of the last 100 ≥ 220 over 3 seeds',
    seeds: threeSeeds,
    score: lastHundred,
    configuration: (seed) => treasurehunt(seed, 1_000, { ...sourceSettings, nStep: 1 }),
    isMet: reaches(220),
  },
  {
    name: 'treasurehunt-iqn-nstep',
    title: 'Treasurehunt, IQN, n-step 3, discount 0.9, four training steps per epoch, 1000 epochs',
    settings: 'preset `source`, discount 0.9, 4 training steps per epoch',
    bar: 'mean of the last 100 ≥ 231',
    seeds: threeSeeds,
    score: lastHundred,
    configuration: (seed) =>
      treasurehunt(seed, 1_000, { ...sourceSettings, nStep: 3, discount: 0.9 }, { trainInterval: 25 }),
    isMet: reaches(231),
  },
  {
    name: 'cartpole-dqn',
    title: 'CartPole-v1, double DQN, 50 000 turns',
    settings:
      '256-256, batch 64, buffer 100 000, every 256 turns 128 training steps from turn 1000, n-step 3, learning rate 2.3e-3 → 0, τ 0.005, ε → 0.04 over 16 %',
    bar: '≥ 475 on ≥ 4 of 5',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) => cartPole(seed, cartPoleTurns, cartPoleDqn),
    isMet: seedsReaching(475, 4),
  },
  {
    name: 'cartpole-dqn-zoo',
    title: "CartPole-v1, DQN, rl-baselines3-zoo's own settings, 50 000 turns",
    settings:
      'as above without n-step, learning rate 2.3e-3, no double Q, the target copied once per 128 training steps',
    bar: 'reported: 2–3 of 5 reach 475',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) =>
      cartPole(seed, cartPoleTurns, {
        ...cartPoleDqn,
        doubleQ: false,
        nStep: 1,
        learningRate: 2.3e-3,
        targetUpdate: { kind: 'hard', every: 128 },
      }),
    isMet: () => undefined,
  },
  {
    name: 'cartpole-iqn',
    title: 'CartPole-v1, IQN, 50 000 turns',
    settings: '256-256, 12 quantiles, no noise; rates, schedules and τ as of DQN',
    bar: '≥ 475 on ≥ 4 of 5',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) =>
      cartPole(seed, cartPoleTurns, {
        name: 'iqn',
        hiddenSizes: [256, 256],
        frameStack: 1,
        discount: 0.99,
        nStep: 3,
        noise: { kind: 'none' },
        learningRate: cartPoleLearningRate,
        targetUpdate: cartPoleTarget,
        epsilon: cartPoleEpsilon,
      }),
    isMet: seedsReaching(475, 4),
  },
  {
    name: 'cartpole-ppo',
    title: 'CartPole-v1, PPO, 100 000 turns',
    settings: 'rollouts of 256, batch 256, 20 passes, λ 0.8, γ 0.98, no entropy bonus, learning rate 1e-3 → 0',
    bar: '≥ 475 on 5 of 5',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) =>
      cartPole(seed, 100_000, {
        name: 'ppo',
        rolloutTurns: 256,
        minibatchSize: 256,
        passes: 20,
        gaeLambda: 0.8,
        discount: 0.98,
        entropyCoefficient: 0,
        learningRate: { start: 1e-3, end: 0, duration: 100_000, unit: 'turns' },
      }),
    isMet: seedsReaching(475, 5),
  },
  {
    name: 'acrobot-dqn',
    title: 'Acrobot-v1, DQN, 100 000 turns',
    settings: '256-256, batch 128, buffer 50 000, n-step 3, learning rate 6.3e-4 → 0, τ 0.005, ε → 0.1 over 12 %',
    bar: '≥ −90',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) => ({
      environment: 'acrobot',
      agents: {
        algorithm: {
          ...cartPoleDqn,
          learningRate: { start: 6.3e-4, end: 0, duration: 100_000, unit: 'turns' },
          epsilon: { start: 1, end: 0.1, duration: 12_000, unit: 'turns' },
        },
      },
      experiment: { totalTurns: 100_000, seed },
      parallel: { trainInterval: 4, gradientSteps: 2, learningStarts: 1_000, batchSize: 128, bufferCapacity: 50_000 },
    }),
    isMet: reaches(-90),
  },
  {
    name: 'two-cartpoles',
    title: 'Two independent CartPoles in one world, independent DQN, 100 000 turns',
    settings: 'each agent as CartPole-v1, double DQN; schedules over 100 000 turns',
    bar: 'each agent ≥ 450 on ≥ 4 of 5',
    seeds: fiveSeeds,
    score: hundredEpisodes,
    configuration: (seed) =>
      cartPole(
        seed,
        100_000,
        {
          ...cartPoleDqn,
          learningRate: { ...cartPoleLearningRate, duration: 100_000 },
          epsilon: { ...cartPoleEpsilon, duration: 16_000 },
        },
        {},
        { agents: 2 },
      ),
    isMet: seedsReaching(450, 4),
  },
  dilemma(0.1, 'mutual defection (200 of 600)', mutualDefection),
  dilemma(0.9, 'reported: 200 is mutual defection, 600 mutual cooperation', () => undefined),
  dilemma(0.99, 'reported', () => undefined),
];
