import type { EnvironmentDefinition } from '../../environment/environment.js';
import { resolveOptions } from './options.js';
import { TreasurehuntEnvironment } from './treasurehunt-environment.js';

export { TreasurehuntEnvironment } from './treasurehunt-environment.js';

export const environment: EnvironmentDefinition = {
  name: 'treasurehunt',
  summary: 'Agents gather gems and food and avoid bones in a walled field.',
  resolve(options, request) {
    const resolved = resolveOptions(options, request);
    return { options: resolved, maxTurns: resolved.maxTurns };
  },
  create(options) {
    return new TreasurehuntEnvironment(resolveOptions(options, { agentCount: undefined, maxTurns: undefined }));
  },
};
