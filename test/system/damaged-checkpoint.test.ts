import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { MarlinError } from 'marlin-rl';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from './checkpoint-runs.js';
import { checkpointed, checkpointsOf, goOn, goOnWarned, make, outcomeOf, RunFolder } from './checkpoint-runs.js';

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

/** What came of going on with a run that was damaged: it was refused, or went to its end. */
interface Aftermath {
  readonly damage: string;
  readonly refusal?: MarlinError;
  readonly outcome?: Outcome;
  readonly warnings?: readonly string[];
}

async function resumed(damage: string, inflict: (directory: string) => Promise<void>): Promise<Aftermath> {
  const copy = await folder.copyOf(original);
  await inflict(copy);
  try {
    const { summary, warnings } = await goOnWarned(copy, { epochs: 6 });
    return { damage, outcome: await outcomeOf(summary), warnings };
  } catch (error) {
    // Anything else is a failure of the test.
    if (error instanceof MarlinError) return { damage, refusal: error };
    throw new Error(`${damage}: ${String(error)}`, { cause: error });
  }
}

/** Cuts a file off at these lengths, one after the other. */
async function cutAt(file: string, lengths: readonly number[]): Promise<Aftermath[]> {
  const results: Aftermath[] = [];
  for (const length of lengths) {
    results.push(await resumed(`cut off at ${length}`, async (copy) => truncate(join(copy, file), length)));
  }
  return results;
}

/** Makes one bit of these bytes another, one after the other. */
async function flippedAt(file: string, bytes: readonly number[]): Promise<Aftermath[]> {
  const results: Aftermath[] = [];
  for (const [index, byte] of bytes.entries()) {
    const mask = 1 << (index % 7);
    results.push(await resumed(`byte ${byte} ^ ${mask}`, flipping(file, byte, mask)));
  }
  return results;
}

function isSame({ outcome }: Aftermath): boolean {
  return isDeepStrictEqual(outcome, expected);
}

/** A figure of one record may be another: records carry no checksum. */
function hasAllRecords({ outcome }: Aftermath): boolean {
  return (
    isDeepStrictEqual(outcome?.hashes, expected.hashes) &&
    outcome?.records.length === expected.records.length &&
    outcome.records.filter((record) => !expected.records.includes(record)).length <= 1
  );
}

/** Tells those apart that were not refused with a code and a message like these. */
function notRefused(results: readonly Aftermath[], code: RegExp, message: RegExp): Aftermath[] {
  return results.filter(
    ({ refusal }) => refusal === undefined || !code.test(refusal.code) || !message.test(refusal.message),
  );
}

function flipping(file: string, place: number, mask: number) {
  return async (directory: string): Promise<void> => {
    const path = join(directory, file);
    const content = await readFile(path);
    content[place] ^= mask;
    await writeFile(path, content);
  };
}

async function lengthOf(file: string): Promise<number> {
  return (await readFile(join(original, file))).length;
}

it('a run that is not damaged goes on to the bits it would have', async () => {
  expect(await resumed('nothing', async () => {})).toMatchObject({ outcome: expected, warnings: [] });
  expect(await readdir(join(original, 'checkpoints', '00000004'))).toHaveLength(3);
});

describe.each(['manifest.json', 'agent-0.safetensors', 'agent-1.safetensors'])('of a checkpoint, %s', (name) => {
  const file = join('checkpoints', '00000004', name);
  /** With the reason, and the way out. */
  const message =
    /^The checkpoint \S+00000004 is damaged: .*[^.]\. The one before it is that of epoch 3: --checkpoint 3\.$/s;

  it('is refused where it is cut off', async () => {
    const results = await cutAt(file, [...places((await lengthOf(file)) - 1, 12), 7, 8, 9]);
    expect(notRefused(results, /^ERR_CHECKPOINT$/, message)).toEqual([]);
  });

  it('is refused where a bit of it is another', async () => {
    const results = await flippedAt(file, [...places(await lengthOf(file), 40), ...places(160, 20)]);
    expect(notRefused(results, /^ERR_CHECKPOINT$/, message)).toEqual([]);
  });

  it('is refused where it is missing, longer, or that of another epoch', async () => {
    const older = await readFile(join(original, 'checkpoints', '00000003', name));
    const longer = Buffer.concat([await readFile(join(original, file)), Buffer.of(0)]);
    const results = [
      await resumed('missing', async (copy) => rm(join(copy, file))),
      await resumed('of another epoch', async (copy) => writeFile(join(copy, file), older)),
      await resumed('longer', async (copy) => writeFile(join(copy, file), longer)),
    ];
    expect(notRefused(results, /^ERR_CHECKPOINT$/, message)).toEqual([]);
  });

  it('is gone on without, from the one before it', async () => {
    const copy = await folder.copyOf(original);
    await truncate(join(copy, file), 100);
    expect(await outcomeOf(await goOn(copy, { epochs: 6, checkpoint: 3 }))).toEqual(expected);
    expect(await checkpointsOf(copy)).toHaveLength(6);
  });
});

describe('metrics.jsonl', () => {
  const file = 'metrics.jsonl';

  it('that is cut off is refused, unless nothing of it was needed', async () => {
    const text = await readFile(join(original, file), 'utf8');
    // The end of the record of the fourth epoch; its newline may be missing.
    const needed = text.indexOf('{"kind":"done"') - 1;
    const lacking = await cutAt(file, [...places(needed - 1, 30), needed - 1]);
    expect(notRefused(lacking, /^ERR_RUN_DIRECTORY$/, /metrics\.jsonl/)).toEqual([]);
    const enough = await cutAt(file, [needed, needed + 1, needed + 20, text.length - 1]);
    expect(enough.filter((result) => !isSame(result))).toEqual([]);
  });

  it('one bit of which is another is refused, or has all its records', async () => {
    const results = await flippedAt(file, places(await lengthOf(file), 90));
    const others = results.filter((result) => !hasAllRecords(result));
    expect(notRefused(others, /^ERR_RUN_DIRECTORY$/, /metrics\.jsonl/)).toEqual([]);
  });
});

describe('config.json', () => {
  const file = 'config.json';

  it('that is cut off is refused', async () => {
    const results = await cutAt(file, places((await lengthOf(file)) - 3, 20));
    expect(notRefused(results, /^ERR_RUN_DIRECTORY$/, /config\.json/)).toEqual([]);
  });

  it('one bit of which is another is refused, or leads to the same bits, or is warned of', async () => {
    const results = await flippedAt(file, places(await lengthOf(file), 120));
    const others = results.filter((result) => !isSame(result) && (result.warnings ?? []).length === 0);
    const codes = /^ERR_(RUN_DIRECTORY|CHECKPOINT|CONFIGURATION|ENVIRONMENT)$/;
    expect(notRefused(others, codes, /config\.json|checkpoint|environment|must|no such/)).toEqual([]);
  }, 30_000);
});
