import { createHash } from 'node:crypto';
import { writtenAlgorithm } from './algorithm-modules.js';
import type { MarlConfiguration, ResolvedConfiguration } from './configuration.js';
import { settingsText } from './run-files.js';
import type { RunPlan } from './run-plan.js';

/** Settings that may be others where a run goes on: when it ends, and what it writes. */
const free: ReadonlySet<string> = new Set<keyof ResolvedConfiguration['experiment'] | 'output'>([
  'epochs',
  'totalTurns',
  'maxSeconds',
  'stopAtReward',
  'output',
]);

/** The configuration of a run as a user would write it, with every default. */
export function writtenConfiguration(plan: RunPlan): Readonly<Record<string, unknown>> {
  const { configuration, environment } = plan;
  return {
    environment: configuration.environment,
    environmentOptions: optionsBesides(plan),
    agents: plan.policies.map((policy) => ({
      id: policy.id,
      algorithm: writtenAlgorithm(policy),
      priority: policy.priority,
    })),
    experiment: { ...configuration.experiment, maxTurns: environment.maxTurns },
    parallel: configuration.parallel,
    output: { ...configuration.output, directory: undefined },
  };
}

/** SHA-256 of everything in a written configuration that must stay as it is for the same bits, hexadecimal. */
export function settingsHash(written: MarlConfiguration | Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(JSON.parse(settingsText(written)), (key, value: unknown) =>
    free.has(key) ? undefined : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/**
 * What agents and experiment say already is not said again: whoever changes one of the two would contradict the other. A
 * user's module may mean something else by these names.
 */
function optionsBesides({ environment, agents }: RunPlan): Readonly<Record<string, unknown>> {
  if (typeof environment.reference !== 'string') return environment.options;
  const said: Readonly<Record<string, unknown>> = { agents: agents.length, maxTurns: environment.maxTurns };
  return Object.fromEntries(Object.entries(environment.options).filter(([name, value]) => said[name] !== value));
}
