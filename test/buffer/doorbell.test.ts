import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Doorbell, doorbellWords } from '#marlin/buffer/doorbell.js';
import { Crew } from './crew.js';
import type { PlayerData } from './doorbell-worker.js';
import { timeoutsWord, turnWord } from './doorbell-worker.js';

async function playing(data: PlayerData): Promise<number> {
  const crew = new Crew();
  const [sleeps] = await crew.whileNoneFails(once(crew.start('doorbell-worker.js', data), 'message'));
  return sleeps;
}

function newWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer((timeoutsWord + 1) * 4));
}

describe('a doorbell', () => {
  test('between two threads loses no wake-up in 200,000 turns', { timeout: 180_000 }, async () => {
    const game = { words: newWords(), turns: 200_000, timeoutMs: 10_000, isBroken: false };
    const sleeps = await Promise.all([playing({ ...game, player: 0 }), playing({ ...game, player: 1 })]);
    expect(game.words[turnWord]).toBe(game.turns);
    expect(game.words[timeoutsWord]).toBe(0);
    expect(Math.min(...sleeps)).toBeGreaterThan(10_000);
  });

  test('would be caught if it announced its sleep after the last look', { timeout: 180_000 }, async () => {
    const game = { words: newWords(), turns: 20_000_000, timeoutMs: 20, isBroken: true };
    await Promise.all([playing({ ...game, player: 0 }), playing({ ...game, player: 1 })]);
    expect(game.words[timeoutsWord]).toBeGreaterThan(0);
  });

  test('wakes an event loop as it wakes a thread', { timeout: 180_000 }, async () => {
    const words = newWords();
    const turns = 20_000;
    const timeoutMs = 10_000;
    const other = playing({ words, turns, timeoutMs, isBroken: false, player: 1 });
    const own = new Doorbell(words, 0);
    const others = new Doorbell(words, doorbellWords);
    let timeouts = 0;
    for (let turn = 0; turn < turns; turn += 2) {
      const isMine = () => Atomics.load(words, turnWord) >= turn;
      while (!isMine()) {
        const start = performance.now();
        await own.sleepUnlessAsync(isMine, timeoutMs);
        if (performance.now() - start >= timeoutMs) timeouts++;
      }
      Atomics.store(words, turnWord, turn + 1);
      others.ring();
    }
    expect(timeouts).toBe(0);
    expect(await other).toBeGreaterThan(100);
    expect(words[timeoutsWord]).toBe(0);
  });

  test('lets its owner go when the time is up', async () => {
    const bell = new Doorbell(newWords(), 0);
    const start = performance.now();
    bell.sleepUnless(() => false, 20);
    await bell.sleepUnlessAsync(() => false, 20);
    expect(performance.now() - start).toBeGreaterThanOrEqual(39);
  });

  test('does not let its owner sleep when there is work', () => {
    const bell = new Doorbell(newWords(), 0);
    const start = performance.now();
    bell.sleepUnless(() => true, 60_000);
    // Rung between the last look and the sleep.
    bell.sleepUnless(() => {
      bell.ring();
      return false;
    }, 60_000);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
