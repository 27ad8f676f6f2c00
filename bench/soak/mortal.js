// How threads die when they are told to. An order is a file, `<who> <how>`: the first thread of that kind
// that finds it takes it away, notes when, and dies. The environment variable MARLIN_SOAK_ORDERS names the folder; what a
// run is configured with could not change while it runs.
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = isMainThread ? undefined : process.env['MARLIN_SOAK_ORDERS'];

/** Milliseconds since 1970, a clock that threads share. */
const nowMs = () => performance.timeOrigin + performance.now();

/** @param {'actor' | 'learner'} who */
function perhapsDie(who) {
  if (folder === undefined) return;
  const order = join(folder, 'order');
  if (!existsSync(order)) return;
  const taken = join(folder, 'taken');
  let how;
  try {
    const [ordered, manner] = readFileSync(order, 'utf8').split(' ');
    if (ordered !== who) return;
    how = manner;
    renameSync(order, taken);
  } catch {
    // Another thread was faster.
    return;
  }
  appendFileSync(join(folder, 'deaths'), `${nowMs()}\n`);
  if (how === 'exit') process.exit(9);
  if (how === 'hang') for (;;);
  if (how === 'heap') fillHeap();
  throw new RangeError('told to die');
}

function fillHeap() {
  const filled = [];
  for (;;) filled.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
}

/** Lets the threads of an algorithm die, and notes the first training step of each. */
export const mortality = {
  act: () => perhapsDie('actor'),
  /** @param {string} agent */
  attendTrainer(agent) {
    let isFirst = true;
    return () => {
      if (isFirst && folder !== undefined) appendFileSync(join(folder, 'first-steps'), `${agent} ${nowMs()}\n`);
      isFirst = false;
      perhapsDie('learner');
    };
  },
};
