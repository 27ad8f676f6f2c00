import type { EnvironmentDefinition } from '../../environment/environment.js';
import { MatrixGameEnvironment } from './matrix-game-environment.js';
import { resolveOptions } from './options.js';

export const environment: EnvironmentDefinition = {
  name: 'matrix-game',
  summary: "Two agents play the prisoner's dilemma, stag hunt or chicken again and again.",
  resolve(options, request) {
    const resolved = resolveOptions(options, request);
    return { options: resolved, maxTurns: resolved.maxTurns };
  },
  create(options) {
    return new MatrixGameEnvironment(resolveOptions(options, { agentCount: undefined, maxTurns: undefined }));
  },
};
