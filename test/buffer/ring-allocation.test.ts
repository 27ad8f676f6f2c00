import { expect, test } from 'vitest';
import { RingRig } from './ring-rig.js';

test('a warm ring is written and sampled without garbage', () => {
  const rig = new RingRig({
    spec: {
      capacity: 1000,
      observationSize: 20,
      observationDtype: 'u8',
      actionCount: 4,
      hasActionMask: true,
      fields: [{ name: 'logProbability', dtype: 'f32', size: 1 }],
      rings: 2,
    },
    rule: { frames: 3, steps: 3, discount: 0.99, observationScale: 1 / 255 },
    batchSize: 64,
    seed: 1,
  });
  for (let step = 0; step < 3000; step++) rig.append(step % 2, step % 50 === 0 ? 'terminated' : 'open');
  const work = () => {
    rig.appendAgain(0);
    rig.sampler.sample();
  };
  for (let warm = 0; warm < 5000; warm++) work();
  // Many short windows, and their median, so that a collection in one of them hides nothing.
  const batches = 1000;
  const windows = Array.from({ length: 15 }, () => 0);
  for (let window = 0; window < windows.length; window++) {
    const before = process.memoryUsage().heapUsed;
    for (let batch = 0; batch < batches; batch++) work();
    windows[window] = process.memoryUsage().heapUsed - before;
  }
  // Room for what looking at the heap costs, but not for one number object per batch.
  expect(windows.toSorted((a, b) => a - b)[7] / batches).toBeLessThan(8);
});
