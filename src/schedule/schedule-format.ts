// What an asynchronous run writes down to be repeatable: for each thread one stream of events, each a tag and numbers.
// Numbers are LEB128: seven bits a byte, lowest first, the top bit set on all but the last.
//
//   tag = policy × 8 + kind
//
// Order within a stream is the thread's own. Nothing orders streams against each other but what they say: an actor names
// the versions it acted by, a learner the heads of the rings it drew from.

/** First bytes of a file: what it is, and the version of the format. */
export const scheduleMagic = Uint8Array.of(0x4d, 0x52, 0x4c, 0x53, 1);

/** Kinds of events, with the numbers that follow. */
export const eventKind = {
  /** Actor: acquisitions of the policy's weights since its last such event; versions by which the next is newer. */
  version: 0,
  /** Actor: reports since the policy's last such event; training steps by which the newest commit is newer. */
  figures: 1,
  /** Learner: a training step; the numbers of each look at a ring, see `RecordedWindows`. */
  step: 2,
  /** Learner: one in which draws were refused: how many numbers follow; of them, how many refusals; those; the looks. */
  tornStep: 3,
  /** Learner: training steps since the last publication; the bits of the first figure of the commit that it published. */
  publication: 4,
  /** The end, after so many turns (actor) or training steps (learner). */
  end: 5,
  /** An actor that took the place of another: epochs done, and the head of the policy's ring that was left. */
  actorStart: 6,
  /** A learner that took the place of another: training steps to begin from; versions published; head of its ring. */
  learnerStart: 7,
} as const;

export type EventKind = (typeof eventKind)[keyof typeof eventKind];

/** Numbers of an event; of a torn step, whose first says how many follow, that one. */
export function numbersOf(kind: EventKind, stepNumbers: number): number {
  switch (kind) {
    case eventKind.version:
    case eventKind.figures:
    case eventKind.publication:
    case eventKind.actorStart:
      return 2;
    case eventKind.learnerStart:
      return 3;
    case eventKind.step:
      return stepNumbers;
    case eventKind.tornStep:
    case eventKind.end:
      return 1;
  }
}

/** Numbers that a training step is recorded by. */
export function numbersPerStep(rings: number, isPrioritized: boolean): number {
  return rings * (isPrioritized ? 2 : 1);
}
