/** Epochs that "the last 100" means, in stop conditions, records and summaries. */
export const rewardWindowEpochs = 100;

/** The mean summed reward of the last 100 epochs. Adding allocates nothing. */
export class RewardWindow {
  readonly #rewards = new Float64Array(rewardWindowEpochs);
  #added = 0;

  add(reward: number): void {
    this.#rewards[this.#added % rewardWindowEpochs] = reward;
    this.#added++;
  }

  /**
   * Goes on where another window was: each reward in its place, so that means are the same to the last bit.
   * @param rewards what was in it, oldest first
   * @param added rewards that had been added to it
   */
  goOn(rewards: readonly number[], added: number): void {
    this.#added = added - rewards.length;
    for (const reward of rewards) this.add(reward);
  }

  /** True where it is full and its mean is at least this; undefined is never reached. */
  reaches(reward: number | undefined): boolean {
    return reward !== undefined && this.#added >= rewardWindowEpochs && this.mean >= reward;
  }

  /** What is in the window, oldest first. */
  rewards(): number[] {
    const count = Math.min(this.#added, rewardWindowEpochs);
    return Array.from(
      { length: count },
      (_, index) => this.#rewards[(this.#added - count + index) % rewardWindowEpochs],
    );
  }

  /** Mean of what is in the window; NaN while it is empty. */
  get mean(): number {
    const count = Math.min(this.#added, rewardWindowEpochs);
    let sum = 0;
    for (let index = 0; index < count; index++) sum += this.#rewards[index];
    return sum / count;
  }
}
