import type { MarlConfiguration } from 'marlin-rl';
import { describe, expect, it } from 'vitest';
import { iqn } from '#marlin/algorithms/iqn.js';
import { resolveConfiguration } from '#marlin/system/configuration.js';

function resolved(algorithm: object, parallel: MarlConfiguration['parallel'] = {}) {
  const agents = { algorithm: { name: 'iqn', ...algorithm } };
  const { agents: settings, parallel: rates } = resolveConfiguration({ environment: 'treasurehunt', agents, parallel });
  return { algorithm: settings[0]?.algorithm as Record<string, unknown>, parallel: rates };
}

const source = resolved({ preset: 'source' });

describe("the source's preset of IQN", () => {
  it("has the source's model and schedule", () => {
    expect(source.algorithm).toEqual({
      hiddenSizes: [250, 250],
      quantiles: 12,
      cosines: 64,
      noise: { kind: 'independent', sigma: 0.017 },
      frameStack: 5,
      discount: 0.99,
      nStep: 3,
      learningRate: 2.5e-4,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      maxGradNorm: 1,
      targetUpdate: { kind: 'soft', tau: 0.001, copyEvery: 200 },
      replay: { kind: 'uniform' },
      epsilon: { kind: 'decay', start: 0.6, end: 0.01, factor: 0.9995, unit: 'epochs' },
    });
    expect(source.parallel).toMatchObject({
      trainInterval: 100,
      gradientSteps: 1,
      learningStarts: 0,
      publishInterval: 1,
      batchSize: 64,
      bufferCapacity: 1024,
    });
  });

  it('lets single settings and rates be set over it', () => {
    const { algorithm, parallel } = resolved({ preset: 'source', nStep: 1 }, { gradientSteps: 4 });
    expect(algorithm).toEqual({ ...source.algorithm, nStep: 1 });
    expect(parallel).toEqual({ ...source.parallel, gradientSteps: 4 });
  });

  it('lets single fields of a setting be set over it, unless its kind is another', () => {
    const epsilon = { ...(source.algorithm['epsilon'] as object), end: 0.1 };
    expect(resolved({ preset: 'source', epsilon: { end: 0.1 } }).algorithm).toEqual({ ...source.algorithm, epsilon });
    const independent = { kind: 'independent', sigma: 0.5 };
    const same = resolved({ preset: 'source', noise: independent }).algorithm;
    expect(same).toEqual({ ...source.algorithm, noise: independent });
    const linear = resolved({ preset: 'source', epsilon: { kind: 'linear', start: 0.5 } }).algorithm;
    const expected = { kind: 'linear', start: 0.5, end: 0.05, duration: 200, unit: 'epochs' };
    expect(linear).toEqual({ ...source.algorithm, epsilon: expected });
  });

  it('is not changed by what is set over it', () => {
    resolved({ preset: 'source', epsilon: { end: 0.1 }, hiddenSizes: [8, 8] });
    expect(iqn.presets.source.settings).toMatchObject({ hiddenSizes: [250, 250], epsilon: { end: 0.01 } });
  });
});
