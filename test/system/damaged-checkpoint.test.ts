import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MarlinError } from 'marlin-rl';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from './checkpoint-runs.js';
import { checkpointed, checkpointsOf, goOn, make, outcomeOf, RunFolder, warningsOf } from './checkpoint-runs.js';

const folder = new RunFolder();
/** Stopped at its fourth epoch, of six. */
let original: string;
let expected: Outcome;
beforeAll(async () => {
  expected = await outcomeOf(await make(checkpointed(folder.next())));
  original = folder.next();
  await make(checkpointed(original, { experiment: { epochs: 4 } }));
});

/** Places of a file, its first and last bytes among them, the same at each run of the test. */
function places(length: number, count: number): number[] {
  const steps = Array.from({ length: count }, (_, index) => Math.floor((index * (length - 1)) / (count - 1)));
  return [...new Set(steps)];
}

/** What comes of going on with a run one of whose files was damaged: an outcome, or a refusal in words. */
async function resumed(damage: (directory: string) => Promise<void>): Promise<Outcome | MarlinError> {
  const copy = await folder.copyOf(original);
  await damage(copy);
  try {
    return await outcomeOf(await goOn(copy, { epochs: 6 }));
  } catch (error) {
    if (error instanceof MarlinError) return error;
    throw error;
  }
}

function flipping(file: string, place: number, mask: number) {
  return async (directory: string): Promise<void> => {
    const path = join(directory, file);
    const content = await readFile(path);
    content[place] ^= mask;
    await writeFile(path, content);
  };
}

function cutting(file: string, length: number) {
  return async (directory: string): Promise<void> => truncate(join(directory, file), length);
}

async function lengthOf(file: string): Promise<number> {
  return (await readFile(join(original, file))).length;
}

it('a run that is not damaged goes on to the bits it would have', async () => {
  expect(await resumed(async () => {})).toEqual(expected);
  expect(await readdir(join(original, 'checkpoints', '00000004'))).toHaveLength(3);
});

describe.each(['manifest.json', 'agent-0.safetensors', 'agent-1.safetensors'])('of a checkpoint, %s', (name) => {
  const file = join('checkpoints', '00000004', name);

  function expectRefusal(outcome: Outcome | MarlinError, damage: string): void {
    expect(outcome, damage).toMatchObject({ name: 'MarlinError', code: 'ERR_CHECKPOINT' });
    const { message } = outcome as MarlinError;
    expect(message).toContain(join('checkpoints', '00000004'));
    expect(message).toMatch(/ is damaged: .*\. The one before it is that of epoch 3: --checkpoint 3\.$/s);
  }

  it('is refused where it is cut off, with the way out', async () => {
    const length = await lengthOf(file);
    for (const end of [...places(length - 1, 12), 7, 8, 9]) {
      expectRefusal(await resumed(cutting(file, end)), `cut off at ${end}`);
    }
  });

  it('is refused where a bit of it is another', async () => {
    const length = await lengthOf(file);
    for (const [index, place] of [...places(length, 40), ...places(160, 20)].entries()) {
      expectRefusal(await resumed(flipping(file, place, 1 << (index % 8))), `byte ${place}`);
    }
  });

  it('is refused where it is that of another epoch, or longer', async () => {
    const older = await readFile(join(original, 'checkpoints', '00000003', name));
    expectRefusal(await resumed(async (copy) => writeFile(join(copy, file), older)), 'of another epoch');
    const longer = Buffer.concat([await readFile(join(original, file)), Buffer.of(0)]);
    expectRefusal(await resumed(async (copy) => writeFile(join(copy, file), longer)), 'longer');
  });

  it('is gone on without, from the one before it', async () => {
    const copy = await folder.copyOf(original);
    await cutting(file, 100)(copy);
    expect(await outcomeOf(await goOn(copy, { epochs: 6, checkpoint: 3 }))).toEqual(expected);
    expect(await checkpointsOf(copy)).toHaveLength(6);
  });
});

describe('metrics.jsonl', () => {
  const file = 'metrics.jsonl';

  function expectRefusal(outcome: MarlinError): void {
    expect(outcome).toMatchObject({ name: 'MarlinError', code: 'ERR_RUN_DIRECTORY' });
    expect(outcome.message).toContain(file);
  }

  it('that is cut off is refused, or nothing of it was needed', async () => {
    const text = await readFile(join(original, file), 'utf8');
    const needed = text.indexOf('{"kind":"done"');
    for (const end of [...places(text.length, 40), needed - 1, needed]) {
      const outcome = await resumed(cutting(file, end));
      if (outcome instanceof MarlinError) {
        expectRefusal(outcome);
        expect(end).toBeLessThan(needed);
      } else expect(outcome, `cut off at ${end}`).toEqual(expected);
    }
  });

  it('one bit of which is another is refused, or tells of all that the run did', async () => {
    const length = await lengthOf(file);
    for (const [index, place] of places(length, 120).entries()) {
      const outcome = await resumed(flipping(file, place, 1 << (index % 7)));
      if (outcome instanceof MarlinError) {
        expectRefusal(outcome);
        continue;
      }
      expect(outcome.hashes).toEqual(expected.hashes);
      // A figure that is another is one of a record all the same: records carry no checksum.
      expect(outcome.records.length, `byte ${place}`).toBe(expected.records.length);
      const others = outcome.records.filter((record) => !expected.records.includes(record));
      expect(others.length).toBeLessThanOrEqual(1);
    }
  });
});

describe('config.json', () => {
  const file = 'config.json';

  it('that is cut off is refused', async () => {
    const length = await lengthOf(file);
    for (const end of places(length - 3, 20)) {
      const outcome = await resumed(cutting(file, end));
      expect(outcome, `cut off at ${end}`).toMatchObject({ name: 'MarlinError', code: 'ERR_RUN_DIRECTORY' });
      expect((outcome as MarlinError).message).toContain(file);
    }
  });

  it('one bit of which is another is refused, or leads to the same bits, or to a warning', async () => {
    const length = await lengthOf(file);
    for (const [index, place] of places(length, 150).entries()) {
      let outcome: Outcome | MarlinError | undefined;
      const warnings = await warningsOf(async () => {
        outcome = await resumed(flipping(file, place, 1 << (index % 5)));
      });
      if (outcome instanceof MarlinError) {
        const codes = ['ERR_RUN_DIRECTORY', 'ERR_CHECKPOINT', 'ERR_CONFIGURATION', 'ERR_ENVIRONMENT'];
        expect(codes, `byte ${place}: ${outcome.message}`).toContain(outcome.code);
      } else if (warnings.length === 0) expect(outcome, `byte ${place}`).toEqual(expected);
    }
  }, 30_000);
});
