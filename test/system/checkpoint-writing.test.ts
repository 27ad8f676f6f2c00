import { MarlSystem } from 'marlin-rl';
import { readCheckpoint, writeCheckpoint } from '#marlin/system/checkpoint-files.js';
import { expect, it } from 'vitest';
import { checkpointed, RunFolder } from './checkpoint-runs.js';
import { failureOf } from './trial-run.js';

const folder = new RunFolder();

it('a checkpoint that could not be written to its end leaves one of the same epoch whole', async () => {
  const directory = folder.next();
  await new MarlSystem(checkpointed(directory)).run();
  const whole = await readCheckpoint(directory, true, 4);
  const [first, second] = whole.policies;
  // The file of the first agent is written; that of the second has more values than its shape says.
  const tensors = second.tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape, 2] }));
  const broken = { ...whole, policies: [first, { ...second, tensors }] };
  expect(await failureOf(writeCheckpoint(directory, broken, 100))).toMatchObject({ code: 'ERR_CHECKPOINT' });
  expect(await readCheckpoint(directory, true, 4)).toEqual(whole);
});
