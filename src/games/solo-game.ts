import * as v from 'valibot';
import type { EnvironmentDefinition, EnvironmentRequest } from '../environment/environment.js';
import { SoloEpisodes, type SoloSpace, type SoloTask } from '../environment/solo-episodes.js';
import { count, strictSettings } from '../schemas.js';
import { parseSetting } from '../validation.js';
import { gatherSettings, optionsField } from './settings.js';

/** Steps after which an episode is cut short, as version 1 of Gymnasium's CartPole and Acrobot has it. */
const maxSteps = 500;

const schema = strictSettings({
  /** Agents, each with a task of its own. */
  agents: v.pipe(count, v.maxValue(1024)),
  /** Turns of an epoch at the most. */
  maxTurns: count,
});

type SoloOptions = v.InferOutput<typeof schema>;

const defaults: SoloOptions = { agents: 1, maxTurns: maxSteps };

/** What makes a task a game. */
export interface SoloGame {
  readonly name: string;
  /** One sentence for `marlin --help`. */
  readonly summary: string;
  readonly space: SoloSpace;
  createTask(): SoloTask;
}

/** A game in which every agent has a task to itself; its options are `agents` and `maxTurns`. */
export function soloGame({ name, summary, space, createTask }: SoloGame): EnvironmentDefinition {
  return {
    name,
    summary,
    resolve(given, request) {
      const options = resolveOptions(given, request);
      return { options, maxTurns: options.maxTurns };
    },
    create(given) {
      const { agents } = resolveOptions(given, { agentCount: undefined, maxTurns: undefined });
      return new SoloEpisodes({ tasks: Array.from({ length: agents }, createTask), space, maxSteps });
    },
  };
}

function resolveOptions(given: Readonly<Record<string, unknown>>, request: EnvironmentRequest): SoloOptions {
  return parseSetting(schema, { ...defaults, ...gatherSettings(given, request) }, optionsField);
}
