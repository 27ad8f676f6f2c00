import { describe, expect, it } from 'vitest';
import type { ConfigurationError } from '#marlin/errors.js';
import { environment } from '#marlin/games/treasurehunt/treasurehunt.js';
import { nothingRequested } from './play.js';
import { refusalOf } from './refusal.js';

function refusal(options: Record<string, unknown>, request = nothingRequested): ConfigurationError {
  return refusalOf('treasurehunt', options, request);
}

describe('the options of treasurehunt', () => {
  it('default to the source game', () => {
    expect(environment.resolve({}, nothingRequested)).toEqual({
      maxTurns: 100,
      options: {
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
      },
    });
  });

  it('default to a smaller field with gems only in the variant', () => {
    expect(environment.resolve({ variant: 'gems-only' }, nothingRequested)).toEqual({
      maxTurns: 50,
      options: {
        variant: 'gems-only',
        height: 10,
        width: 10,
        agents: 5,
        maxTurns: 50,
        spawnProbability: 0.02,
        viewRadius: 2,
        gemValue: 10,
        wallValue: -1,
      },
    });
  });

  it.each([
    ['hieght', 5, 'absent: there is no such setting, only variant, height, width'],
    ['height', 2, 'at least 3'],
    ['width', 1025, 'at most 1024'],
    ['width', 7.5, 'a whole number'],
    ['agents', 0, 'at least 1'],
    ['agents', 362, 'at most 361'],
    ['agents', '2', 'a finite number'],
    ['maxTurns', Number.POSITIVE_INFINITY, 'number'],
    ['spawnProbability', 1.01, 'at most 1'],
    ['spawnProbability', -0.1, 'at least 0'],
    ['spawnProbability', Number.NaN, 'a finite number'],
    ['viewRadius', -1, 'at least 0'],
    ['gemValue', Number.POSITIVE_INFINITY, 'a finite number'],
    ['boneValue', null, 'a finite number'],
    ['variant', 'gold', 'one of "standard", "gems-only"'],
  ])('refuse %s = %s, naming the bound', (name, value, bound) => {
    const error = refusal({ [name]: value });
    expect(error.code).toBe('ERR_CONFIGURATION');
    expect(error.field).toBe(`environmentOptions.${name}`);
    expect(error.value).toBe(value);
    expect(error.bound).toContain(bound);
  });

  it('refuse the value of what the variant does not have', () => {
    expect(refusal({ variant: 'gems-only', boneValue: -1 }).field).toBe('environmentOptions.boneValue');
  });

  it('refuse a grid too small for the agents', () => {
    const error = refusal({ height: 3, width: 4, agents: 3 });
    expect(error).toMatchObject({ field: 'environmentOptions.agents', value: 3, bound: 'at most 2' });
    expect(error.message).toContain('a grid of 3 × 4 has 2');
  });

  it('follow what the run asks for, and must not contradict it', () => {
    const request = { agentCount: 7, maxTurns: 30 };
    const resolved = environment.resolve({}, request);
    expect(resolved).toMatchObject({ maxTurns: 30, options: { agents: 7, maxTurns: 30 } });
    expect(environment.resolve(resolved.options, request)).toEqual(resolved);
    expect(refusal({ agents: 2 }, request)).toMatchObject({ field: 'environmentOptions.agents', value: 2 });
    expect(refusal({ maxTurns: 31 }, request)).toMatchObject({ field: 'environmentOptions.maxTurns', value: 31 });
  });

  it('survive a structured clone and a second resolution', () => {
    const { options } = environment.resolve({ height: 9, gemValue: 3 }, nothingRequested);
    expect(environment.resolve(structuredClone(options), nothingRequested).options).toEqual(options);
  });

  it('take an undefined setting as left out', () => {
    expect(environment.resolve({ height: undefined }, nothingRequested).options['height']).toBe(21);
  });
});
