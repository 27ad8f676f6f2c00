import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell, doorbellWords } from '#marlin/buffer/doorbell.js';
import { Disturbance } from './disturbance.js';

/**
 * @typedef {object} PlayerData
 * @property {Int32Array} words a doorbell per player, the number of the turn, the number of time-outs
 * @property {0 | 1} player plays the turns of its parity
 * @property {number} turns
 * @property {number} timeoutMs
 * @property {boolean} isBroken announces its sleep after its last look, and ends with the first time-out
 */

/** The word that counts turns, behind both doorbells. */
export const turnWord = 2 * doorbellWords;
export const timeoutsWord = turnWord + 1;

class LateDoorbell extends Doorbell {
  #words;
  #first;

  /**
   * @param {Int32Array} words
   * @param {number} first
   */
  constructor(words, first) {
    super(words, first);
    this.#words = words;
    this.#first = first;
  }

  /**
   * @override
   * @param {() => boolean} ready
   * @param {number} timeoutMs
   */
  sleepUnless(ready, timeoutMs) {
    const rings = Atomics.load(this.#words, this.#first);
    if (ready()) return;
    Atomics.store(this.#words, this.#first + 1, 1);
    Atomics.wait(this.#words, this.#first, rings, timeoutMs);
    Atomics.store(this.#words, this.#first + 1, 0);
  }
}

/**
 * Waits for each of its turns, and passes the next to the other player.
 * @param {PlayerData} data
 * @returns {number} times it slept
 */
function play({ words, player, turns, timeoutMs, isBroken }) {
  const own = new (isBroken ? LateDoorbell : Doorbell)(words, player * doorbellWords);
  const other = new Doorbell(words, (1 - player) * doorbellWords);
  const disturbance = new Disturbance(player, 2, 5000);
  let sleeps = 0;
  for (let turn = player; turn < turns; turn += 2) {
    const isMine = () => {
      const mine = Atomics.load(words, turnWord) >= turn;
      // Time for the other player to act between the last look and the sleep.
      disturbance.perhapsPause();
      return mine;
    };
    while (!isMine()) {
      const start = performance.now();
      own.sleepUnless(isMine, timeoutMs);
      sleeps++;
      if (performance.now() - start >= timeoutMs) Atomics.add(words, timeoutsWord, 1);
      if (isBroken && Atomics.load(words, timeoutsWord) > 0) return sleeps;
    }
    disturbance.perhapsPause();
    Atomics.store(words, turnWord, turn + 1);
    other.ring();
  }
  return sleeps;
}

/** @type {PlayerData | null} */
const data = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
if (data !== null) parentPort?.postMessage(play(data));
