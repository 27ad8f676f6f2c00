import * as v from 'valibot';
import type { EnvironmentRequest } from '../../environment/environment.js';
import { ConfigurationError } from '../../errors.js';
import { count, finiteNumber, looseSettings, share, strictSettings, wholeNumber } from '../../schemas.js';
import { parseSetting } from '../../validation.js';
import { gatherSettings, optionsField } from '../settings.js';

const variantNames = ['standard', 'gems-only'] as const;

const variantSchema = looseSettings({ variant: v.picklist(variantNames) });

const side = v.pipe(wholeNumber, v.minValue(3), v.maxValue(1024));

const shared = {
  /** Locations along y, the border's walls included. */
  height: side,
  /** Locations along x, the border's walls included. */
  width: side,
  /** Number of agents. */
  agents: count,
  /** Turns of an epoch. */
  maxTurns: count,
  /** Probability that an empty interior cell turns to a treasure, per turn. */
  spawnProbability: share,
  /** Cells an agent sees in each direction. */
  viewRadius: v.pipe(wholeNumber, v.minValue(0), v.maxValue(100)),
  gemValue: finiteNumber,
  /** Reward for bumping into a wall. */
  wallValue: finiteNumber,
};

const standardSchema = strictSettings({
  variant: v.literal('standard'),
  ...shared,
  foodValue: finiteNumber,
  boneValue: finiteNumber,
});

/** There is neither food nor bone, so setting their value is refused. */
const gemsOnlySchema = strictSettings({ variant: v.literal('gems-only'), ...shared });

export type TreasurehuntOptions = v.InferOutput<typeof standardSchema> | v.InferOutput<typeof gemsOnlySchema>;

/** specs: Sorrel's treasurehunt example and its gems-only tutorial (arXiv 2506.00228). */
const standardDefaults = {
  variant: 'standard',
  height: 21,
  width: 21,
  agents: 2,
  maxTurns: 100,
  spawnProbability: 0.005,
  viewRadius: 2,
  gemValue: 10,
  foodValue: 5,
  boneValue: -10,
  wallValue: -1,
} as const satisfies TreasurehuntOptions;

const gemsOnlyDefaults = {
  variant: 'gems-only',
  height: 10,
  width: 10,
  agents: 5,
  maxTurns: 50,
  spawnProbability: 0.02,
  viewRadius: 2,
  gemValue: 10,
  wallValue: -1,
} as const satisfies TreasurehuntOptions;

/** Checks the options and fills in the variant's defaults; throws `ConfigurationError`. */
export function resolveOptions(
  given: Readonly<Record<string, unknown>>,
  request: EnvironmentRequest,
): TreasurehuntOptions {
  const settings = gatherSettings(given, request);
  const { variant } = parseSetting(variantSchema, { variant: 'standard', ...settings }, optionsField);
  const options =
    variant === 'standard'
      ? parseSetting(standardSchema, { ...standardDefaults, ...settings }, optionsField)
      : parseSetting(gemsOnlySchema, { ...gemsOnlyDefaults, ...settings }, optionsField);
  checkRoom(options);
  return options;
}

function checkRoom({ agents, height, width }: TreasurehuntOptions): void {
  const interior = (height - 2) * (width - 2);
  if (agents <= interior) return;
  throw new ConfigurationError(
    `${optionsField}.agents`,
    agents,
    `at most ${interior}`,
    `each agent needs an interior cell of its own, and a grid of ${height} × ${width} has ${interior}`,
  );
}
