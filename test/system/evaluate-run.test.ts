import { cp, mkdir, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { evaluateRun, MarlSystem } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, ThreadWatch, trial } from './trial-run.js';

let scratch: string;
let run: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-saved-'));
  run = join(scratch, 'run');
  const configuration = trial({}, { parallel: { execution: 'sequential' } });
  await new MarlSystem({ ...configuration, output: { directory: run } }).run();
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

/** A copy of the run, to be spoilt. */
async function copyOf(name: string): Promise<string> {
  const directory = join(scratch, name);
  await cp(run, directory, { recursive: true });
  return directory;
}

/** The configuration of a run, changed. */
async function reconfigure(directory: string, from: string | RegExp, to: string): Promise<void> {
  const path = join(directory, 'config.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
}

function weightsIn(directory: string): string {
  return join(directory, 'weights', 'agent-1.safetensors');
}

async function refusal(directory: string): Promise<unknown> {
  using threads = new ThreadWatch();
  const error = await failureOf(evaluateRun(directory, { episodes: 1 }));
  expect(threads.started).toBe(0);
  return error;
}

describe('the evaluation of a directory is refused, without any thread', () => {
  it('that is none, or holds no run', async () => {
    const empty = join(scratch, 'empty');
    await mkdir(empty);
    for (const directory of [empty, join(scratch, 'missing'), join(run, 'config.json')]) {
      expect(await refusal(directory)).toMatchObject({
        code: 'ERR_RUN_DIRECTORY',
        message: `${directory} holds no run: there is no config.json in it.`,
      });
    }
  });

  it.each(['', '{', '{}', '[]', 'null', '{"configuration": {"agents": 3}}'])(
    'whose config.json is damaged: %s',
    async (text) => {
      const directory = await copyOf(`damaged-${text.length}`);
      await writeFile(join(directory, 'config.json'), text);
      expect(await refusal(directory)).toMatchObject({
        code: 'ERR_RUN_DIRECTORY',
        message: expect.stringContaining('is damaged'),
      });
    },
  );

  it('whose configuration this version does not know', async () => {
    const directory = await copyOf('newer');
    await reconfigure(directory, '"logInterval"', '"logEvery"');
    await reconfigure(directory, /"marlin": "[^"]*"/, '"marlin": "9.9.9"');
    expect(await refusal(directory)).toMatchObject({
      code: 'ERR_RUN_DIRECTORY',
      message: expect.stringMatching(
        /Marlin 9\.9\.9 made it, this is .*: experiment\.logEvery is 10, but must be absent/,
      ),
    });
  });

  it('that holds no weights', async () => {
    const directory = await copyOf('weightless');
    await rm(join(directory, 'weights'), { recursive: true });
    expect(await refusal(directory)).toMatchObject({
      code: 'ERR_TENSOR_FILE',
      message: expect.stringMatching(/holds no weights of agent-[01]: a run writes them when it ends or is stopped\.$/),
    });
  });

  it('that lacks the weights of one agent', async () => {
    const directory = await copyOf('one-missing');
    await unlink(weightsIn(directory));
    expect(await refusal(directory)).toMatchObject({
      code: 'ERR_TENSOR_FILE',
      message: expect.stringContaining('holds no weights of agent-1'),
    });
  });

  it('whose weights are truncated or changed anywhere', async () => {
    const directory = await copyOf('spoilt');
    const whole = await readFile(weightsIn(directory));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }), async (place, flip) => {
        const spoilt = flip === 0 ? whole.subarray(0, place) : Buffer.from(whole);
        if (flip > 0) spoilt[place] ^= flip;
        await writeFile(weightsIn(directory), spoilt);
        expect(await refusal(directory)).toMatchObject({
          code: 'ERR_TENSOR_FILE',
          message: expect.stringContaining(weightsIn(directory)),
        });
      }),
      { numRuns: 50 },
    );
  });

  it('whose environment has other agents by now', async () => {
    const directory = await copyOf('grown');
    await reconfigure(directory, '"size": 3', '"size": 4');
    expect(await refusal(directory)).toMatchObject({
      code: 'ERR_TENSOR_FILE',
      message: expect.stringMatching(/agent-[01] in .* w1 is \[8, 6\] rather than \[8, 8\]/),
    });
  });

  it('with options that are none', async () => {
    expect(await failureOf(evaluateRun(run, { episodes: -1 }))).toMatchObject({
      field: 'evaluate.episodes',
      value: -1,
    });
  });
});

it('an environment that fails in evaluation is heard of, and the threads end', async () => {
  using threads = new ThreadWatch();
  const directory = await copyOf('failing');
  await reconfigure(directory, '"fail": ""', '"fail": "reset"');
  expect(await failureOf(evaluateRun(directory, { episodes: 4, threads: 2 }))).toMatchObject({
    code: 'E_WORLD',
    cause: { code: 'E_WIRE' },
  });
  expect(threads).toMatchObject({ started: 2, alive: 0 });
});
