/*
 * Weights in two slots, and the learner's state that they are published from; every thread but the evaluation's may die
 * at any step.
 *
 *   learner      train -> commit -> check pins -> copy -> flip           src/learner/learner.ts, learner-state.ts,
 *                                                                        src/buffer/double-buffer.ts
 *   actors       load active -> pin -> load again -> compute -> unpin    src/buffer/double-buffer.ts
 *   supervisor   clears the pin of an actor that is gone
 *   evaluation   load active -> copy -> look again, no pin               src/buffer/weight-copier.ts
 *
 * Every block is two halves, and holds the number of the training step it is the result of, counting all steps ever
 * taken, lost ones too. Between two atomic operations halves are accessed in one order only, though plain accesses have
 * none: each step may come as late as the next atomic operation lets it.
 *
 * Proved: actors and evaluation read whole blocks, of the state that was committed when that version was published;
 * what they see never goes back; a learner that takes over finds a whole state, no older than any that was published.
 */

#define ACTORS 2
#define TRAINING_STEPS 2
#define VERSIONS 3 /* each slot is written, read and written again */

/* learner-state.ts, phase */
#define TRAINING 0
#define COMMITTING 1

typedef Block {
  byte front;
  byte back
}

byte newest;       /* `active`, a word of Promela: the version last published */
Block slots[2];    /* version v lies in slot v & 1 */
byte pins[ACTORS]; /* 0, or 1 + the slot that is read */
bit phase = TRAINING;
Block working;
Block committed;

/* For the proof alone. */
byte trained;                /* training steps ever taken */
byte lastCommitted;          /* the state of the last commit that is over */
byte published[VERSIONS + 1]; /* the state that was committed when a version was published */
byte seen[ACTORS];           /* the newest version an actor had, whichever thread it is */

#define IS_WHOLE(block) (block.front == block.back)

/* One step of a thread that may die instead: the learner, and one of the actors. */
#define STEP(action) if :: d_step { action } :: id == 0 -> goto died fi

/* Witnesses: these things happen, so that what is proved of them says something. */
#ifdef WITNESS_PUT_OFF
#define PUT_OFF assert(false);
#else
#define PUT_OFF
#endif
#ifdef WITNESS_RETRIED
#define RETRIED assert(false)
#else
#define RETRIED skip
#endif
#ifdef WITNESS_COMMITTED_AGAIN
#define COMMITTED_AGAIN assert(false);
#else
#define COMMITTED_AGAIN
#endif

/* BlockMover.copyBytes */
#define COPY(to, from) STEP(to.front = from.front); STEP(to.back = from.back)

/* Trainer.step */
inline train() {
  STEP(trained++; working.front = trained);
  STEP(working.back = trained)
}

/* LearnerState.#copyToCommitted */
inline copyToCommitted() {
#ifndef COMMIT_WITHOUT_PHASE
  /* Atomics.exchange */
  STEP(phase = COMMITTING);
#endif
#ifdef PHASE_BEFORE_COPY_ENDS
  STEP(committed.front = working.front);
  STEP(phase = TRAINING);
  STEP(committed.back = working.back; lastCommitted = working.back)
#else
  COPY(committed, working);
  /* Atomics.store */
  STEP(phase = TRAINING; lastCommitted = working.back)
#endif
}

/* DoubleBufferPublisher.isPinned: Atomics.load of each */
inline lookAtPins() {
  d_step { isPinned = (pins[0] == (next & 1) + 1) }
  d_step { isPinned = isPinned || pins[1] == (next & 1) + 1 }
}

/* Atomics.store */
inline flip() {
  STEP(published[next] = lastCommitted; newest = next)
}

/* DoubleBufferPublisher.tryPublish */
inline tryPublish() {
  d_step { next = newest + 1 }
#ifndef IGNORE_PINS
  lookAtPins();
#endif
  if
  :: isPinned -> PUT_OFF isPinned = false /* train on, and publish at the next chance */
  :: else ->
#if defined(FLIP_BEFORE_COPY)
    flip();
    COPY(slots[next & 1], committed)
#elif defined(PUBLISH_WORKING)
    COPY(slots[next & 1], working);
    flip()
#else
    COPY(slots[next & 1], committed);
    flip()
#endif
  fi
}

proctype Learner(byte id) {
  byte next;
  bool isPinned;

goes_on:
  do
  :: trained < TRAINING_STEPS -> train()
  :: working.back != committed.back -> copyToCommitted()
  :: newest < VERSIONS -> tryPublish(); next = 0
  od;

died:
  atomic { next = 0; isPinned = false }
#ifndef NO_RECOVERY
  /* LearnerState.recover, by whoever takes over, who may die as well. */
  if
#ifdef PHASE_IGNORED
  :: true ->
#else
  :: phase == COMMITTING -> COMMITTED_AGAIN copyToCommitted()
  :: else ->
#endif
    COPY(working, committed)
  fi;
#endif
  d_step {
    assert(IS_WHOLE(working) && IS_WHOLE(committed) && working.front == committed.front);
    /* Nothing published is rolled back. */
    assert(working.front >= published[newest])
  }
  goto goes_on
}

#define READ(half) assert(slots[version & 1].half == published[version])

/* What the network computes with, read where it lies. */
inline forwardPass() {
  STEP(READ(front));
  STEP(READ(back))
}

proctype Actor(byte id) {
  byte version;

taken_over:
  do
  :: /* DoubleBufferReader.acquire: Atomics.load, */
    STEP(version = newest);
    /* setPin: Atomics.exchange, */
    STEP(pins[id] = (version & 1) + 1);
    if
#ifndef NO_PIN_RECHECK
    /* and Atomics.load: once more, if it moved. */
    :: newest != version -> RETRIED
    :: newest == version ->
#else
    :: true ->
#endif
      d_step {
        assert(version >= seen[id]);
        assert(published[version] >= published[seen[id]]);
        seen[id] = version
      }
#ifdef RELEASE_BEFORE_PASS
      STEP(pins[id] = 0);
      forwardPass()
#else
      forwardPass();
      /* DoubleBufferReader.release: Atomics.store */
      STEP(pins[id] = 0)
#endif
    :: id == 0 -> goto died
    fi;
    version = 0
  od;

died:
  /* The supervisor clears the pin once the thread is gone; the learner may look at it before. */
  atomic { pins[id] = 0; version = 0 }
  goto taken_over
}

#ifdef PIN_CLEARED_BEFORE_EXIT
active proctype HastySupervisor() {
  do
  :: pins[0] = 0
  od
}
#endif

/* WeightCopier.tryCopy; nothing depends on this thread. */
proctype Evaluation() {
  byte version;
  bool isTorn;

  do
  :: version = newest;
    isTorn = (slots[version & 1].front != published[version]);
    isTorn = isTorn || (slots[version & 1].back != published[version]);
    d_step {
      /* isUnchanged: Atomics.add of 0 */
#ifndef COPY_NOT_CHECKED
      if
      :: newest == version -> assert(!isTorn)
      :: else
      fi;
#else
      assert(!isTorn);
#endif
      version = 0;
      isTorn = false
    }
  od
}

init {
  atomic {
    run Learner(0);
    run Actor(0);
#ifdef EVALUATION
    run Evaluation()
#else
    run Actor(1)
#endif
  }
}
