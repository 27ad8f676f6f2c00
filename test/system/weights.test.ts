import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { MarlSystem } from 'marlin-rl';
import type { MarlConfiguration, RunSummary } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '#marlin/export/safetensors.js';
import type { TensorFile } from '#marlin/export/safetensors.js';
import { fileNameOf } from '#marlin/system/weight-files.js';
import { smallDqn, trial } from './trial-run.js';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-weights-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

async function runIn(name: string, configuration: MarlConfiguration): Promise<RunSummary & { directory: string }> {
  const directory = join(scratch, name);
  return { ...(await new MarlSystem({ ...configuration, output: { directory } }).run()), directory };
}

async function weightsOf(directory: string, agent: string): Promise<TensorFile> {
  return decodeSafetensors(await readFile(join(directory, 'weights', `${agent}.safetensors`)), agent);
}

describe.each(['sequential', 'async'] as const)('the weights of a run: %s', (execution) => {
  it.each(['double-buffer', 'snapshot'] as const)('are those that were last published: %s', async (mode) => {
    const epsilon = { start: 1, end: 0.2, duration: 20 };
    const agents = { algorithm: { ...smallDqn, epsilon } };
    const { directory, agents: summaries } = await runIn(
      `${execution}-${mode}`,
      trial({}, { agents, parallel: { execution, mode } }),
    );
    expect((await readdir(join(directory, 'weights'))).toSorted()).toEqual([
      'agent-0.safetensors',
      'agent-1.safetensors',
    ]);
    for (const summary of summaries) {
      const { tensors, metadata } = await weightsOf(directory, summary.id);
      expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
        ['w1', [8, 6]],
        ['b1', [8]],
        ['wa', [4, 8]],
        ['wv', [1, 8]],
        ['ba', [4]],
        ['bv', [1]],
      ]);
      expect(metadata).toEqual({
        agent: summary.id,
        algorithm: 'dqn',
        settings: expect.any(String),
        observation: '{"size":3,"dtype":"u8","scale":1,"shape":[3]}',
        action: '{"kind":"discrete","count":4}',
        training_steps: String(summary.trainSteps),
        weights_version: String(summary.weightsVersion),
        // After 10 of 20 epochs.
        epsilon: '0.6',
        weights_hash: summary.weightsHash,
        marlin: expect.stringMatching(/^\d+\.\d+\.\d+/),
        marlin_sha256: expect.any(String),
      });
      expect(summary.trainSteps).toBe(40);
      expect(JSON.parse(metadata['settings'])).toMatchObject({ name: 'dqn', hiddenSizes: [8], nStep: 2 });
    }
  });

  it('are there also when the run is stopped', async () => {
    const directory = join(scratch, `${execution}-stopped`);
    const endless = trial({ busyMs: 1 }, { parallel: { execution }, experiment: { epochs: Infinity, maxTurns: 20 } });
    const system = new MarlSystem({ ...endless, output: { directory } });
    for await (const record of system.records()) {
      if (record.kind === 'episode' && record.episode === 6) void system.stop();
    }
    const { agents, reason } = await system.run();
    expect(reason).toBe('stopped');
    const { metadata } = await weightsOf(directory, 'agent-1');
    expect(metadata).toMatchObject({ weights_hash: agents[1].weightsHash, training_steps: `${agents[1].trainSteps}` });
  });
});

it('tensors are in the order of their shape, whatever their storage', async () => {
  const { directory, agents } = await runIn('storage', trial({}, { parallel: { execution: 'sequential' } }));
  const { tensors } = await weightsOf(directory, 'agent-0');
  const [w1, ...rest] = tensors.map(({ values }) => Float32Array.from(values));
  // The first layer's weights lie column-major in memory, [in, out] that is; all others as in the file.
  const stored = Float32Array.from({ length: 48 }, (_, place) => w1[(place % 8) * 6 + Math.floor(place / 8)]);
  const hash = createHash('sha256');
  for (const values of [stored, ...rest]) hash.update(values);
  expect(hash.digest('hex')).toBe(agents[0].weightsHash);
});

it("agents may be called what they like: their files stay in the run's directory", async () => {
  const names = ['../../up', '.', 'a/b', 'Ä%20', 'agent.0', 'x'.repeat(400)];
  const module = new URL('fixtures/named.js', import.meta.url);
  const { environment: _environment, ...settings } = trial(
    {},
    { experiment: { epochs: 1, maxTurns: 2 }, parallel: { execution: 'sequential' } },
  );
  const { directory } = await runIn('names', { ...settings, environment: { module }, environmentOptions: { names } });
  expect((await readdir(scratch)).filter((name) => name.includes('up'))).toEqual([]);
  const files = await readdir(join(directory, 'weights'));
  expect(files.toSorted()).toEqual([
    '%2E.%2F..%2Fup.safetensors',
    '%2E.safetensors',
    '%C3%84%2520.safetensors',
    'a%2Fb.safetensors',
    'agent.0.safetensors',
    expect.stringMatching(/^x{163}~[0-9a-f]{16}\.safetensors$/),
  ]);
});

it('file names of agents differ as the agents do, and are safe', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
      expect(fileNameOf(one)).toMatch(/^([A-Za-z0-9_-]|%[0-9A-F]{2}|(?<=.)[.~])*$/);
      expect(fileNameOf(one) === fileNameOf(other)).toBe(one === other);
    }),
  );
});

it('a run that has no directory writes none', async () => {
  const before = await readdir(scratch);
  await new MarlSystem(trial({}, { experiment: { epochs: 1 } })).run();
  expect(await readdir(scratch)).toEqual(before);
});
