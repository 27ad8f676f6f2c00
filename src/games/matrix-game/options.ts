import * as v from 'valibot';
import type { EnvironmentRequest } from '../../environment/environment.js';
import { count, finiteNumber, looseSettings, strictSettings } from '../../schemas.js';
import { parseSetting } from '../../validation.js';
import { gatherSettings, optionsField } from '../settings.js';

const gameNames = ['prisoners-dilemma', 'stag-hunt', 'chicken'] as const;

type Game = (typeof gameNames)[number];

interface MatrixGame {
  /** The first is the one to cooperate (C), the second the one to defect (D). */
  readonly actions: readonly [string, string];
  /** What an agent gets, by its own action and then the other's. */
  readonly payoffs: { readonly CC: number; readonly CD: number; readonly DC: number; readonly DD: number };
}

/** Payoffs: Axelrod 1984 for the prisoner's dilemma; Leibo et al. 2017 (arXiv 1702.03037), figure 1, for the others. */
export const matrixGames: Readonly<Record<Game, MatrixGame>> = {
  'prisoners-dilemma': { actions: ['cooperate', 'defect'], payoffs: { CC: 3, CD: 0, DC: 5, DD: 1 } },
  'stag-hunt': { actions: ['stag', 'hare'], payoffs: { CC: 4, CD: 0, DC: 3, DD: 1 } },
  chicken: { actions: ['swerve', 'straight'], payoffs: { CC: 3, CD: 1, DC: 4, DD: 0 } },
};

const gameSchema = looseSettings({ game: v.optional(v.picklist(gameNames), 'prisoners-dilemma') });

function schemaOf(game: Game) {
  const { CC, CD, DC, DD } = matrixGames[game].payoffs;
  return strictSettings({
    game: v.literal(game),
    /** Always 2: an option only so that a run may say it. */
    agents: v.optional(v.literal(2), 2),
    /** Turns of an epoch. */
    maxTurns: v.optional(count, 100),
    payoffs: v.optional(
      strictSettings({
        CC: v.optional(finiteNumber, CC),
        CD: v.optional(finiteNumber, CD),
        DC: v.optional(finiteNumber, DC),
        DD: v.optional(finiteNumber, DD),
      }),
      {},
    ),
  });
}

export type MatrixGameOptions = v.InferOutput<ReturnType<typeof schemaOf>>;

/** Checks the options and fills in the game's payoffs; throws `ConfigurationError`. */
export function resolveOptions(
  given: Readonly<Record<string, unknown>>,
  request: EnvironmentRequest,
): MatrixGameOptions {
  const settings = gatherSettings(given, request);
  const { game } = parseSetting(gameSchema, settings, optionsField);
  return parseSetting(schemaOf(game), { ...settings, game }, optionsField);
}
