/*
 * The transition ring: writers that may die at any step, and one sampler.
 *
 *   actor, per ring   claim -> fill -> count a half -> publish the head        src/buffer/ring-writer.ts
 *   learner           look at heads -> draw, read -> claim -> gather -> claim   src/buffer/ring-sampler.ts
 *
 * A row is two halves: `record`, what TransitionReader.read reads before the first look at the claim (flags, episode
 * steps, action, reward), and `observation`, what TransitionReader.gather reads before the second. Its content is its
 * position. Half-written rows, and rows that are not the one they were drawn as, therefore show as a half that is not
 * the position. Between two atomic operations halves are written, and read, in one order only, though plain accesses
 * have none: whether a half is read wrong depends on when it is written and read, not on when others are, and each step
 * may come as late as the next atomic operation lets it.
 *
 * Proved: a transition that is kept was read whole, from the rows that it names; and totalRows is exact, as far as the capacity.
 *
 * Assumed: no writer writes half a period of rows (2^29) while one sample() holds on to a position
 * (UNBOUNDED_WRITER shows that this is needed).
 */

#ifdef TWO_RINGS
/* Two actors with a ring each, of which one may die; both rings are full, and so many appends are looked at. */
#define RINGS 2
#define CAPACITY 4
#define PERIOD 24
#define FRAMES 1
#define BATCH 2
#define APPENDS 2
#define FULL CAPACITY
#else
/* One ring, with samples that look back; for ever. */
#define RINGS 1
#define CAPACITY 5
#define PERIOD 15
#define FRAMES 2
#define BATCH 2
#define FULL 0
#endif

#define STEPS 1           /* n of the n-step return */
#define ROWS_PER_CLAIM 2  /* ring-plan.ts, rowsPerClaim */
#define NEXT (PERIOD - 2)     /* the first row to be written: soon the positions wrap */
#define START (NEXT - FULL)   /* RingPlan.startPosition */
#define WINDOW (CAPACITY - (ROWS_PER_CLAIM + FRAMES - 1))

#define EMPTY 254
#define GARBAGE 255 /* what a writer left that died */

/* ring-plan.ts, ringControl */
byte claim[RINGS] = NEXT;
byte head[RINGS] = NEXT;
byte halves[RINGS] = 1;

byte record[RINGS * CAPACITY] = EMPTY;
byte observation[RINGS * CAPACITY] = EMPTY;

/* RingWindows of the sampler. */
byte heads[RINGS];
byte firsts[RINGS];
byte lengths[RINGS];
bool looking[RINGS]; /* the sampler holds on to what it saw of this ring */
/* The batch. */
byte rings[BATCH];
byte positions[BATCH];
bool pending[BATCH];
bool torn[BATCH]; /* a half was read that was not the row's */

/* For the proof alone: rows published, at most CAPACITY. */
byte total[RINGS] = FULL;

/* position.ts */
#define ADVANCE(position, rows) (((position) + PERIOD + (rows)) % PERIOD)
#define HALF_OF(position) ((2 * (position) >= PERIOD) -> 1 : 0)
#define HALF ((PERIOD + 1) / 2)
#define DIFFERENCE(from, to) ((to) - (from))
#define DISTANCE(from, to) (DIFFERENCE(from, to) >= HALF -> DIFFERENCE(from, to) - PERIOD : \
    (DIFFERENCE(from, to) < HALF - PERIOD -> DIFFERENCE(from, to) + PERIOD : DIFFERENCE(from, to)))
#define ROW(ring, position) ((ring) * CAPACITY + (position) % CAPACITY)
#define LEAST(a, b) ((a) < (b) -> (a) : (b))

/* RingWindows.isWhole */
#if defined(NO_VALIDATION)
#define IS_WHOLE(position, claim) true
#elif defined(FRAMES_NOT_COUNTED)
#define IS_WHOLE(position, claim) (DISTANCE(position, claim) <= CAPACITY)
#else
#define IS_WHOLE(position, claim) (DISTANCE(position, claim) + FRAMES - 1 <= CAPACITY)
#endif

/* The assumption: the next claim stays within half a period of what the sampler holds on to. */
#define AHEAD(ring, position) ((head[ring] + ROWS_PER_CLAIM + PERIOD - (position)) % PERIOD)
#define IS_NEAR(ring, position) (AHEAD(ring, position) < PERIOD / 2)
#define IS_NEAR_ENTRY(ring, index) (!pending[index] || rings[index] != ring || IS_NEAR(ring, positions[index]))
#ifdef UNBOUNDED_WRITER
#define MAY_WRITE(ring) true
#else
#define MAY_WRITE(ring) ((!looking[ring] || IS_NEAR(ring, ADVANCE(heads[ring], -WINDOW))) && \
    IS_NEAR_ENTRY(ring, 0) && IS_NEAR_ENTRY(ring, BATCH - 1))
#endif

/* One step of an actor that may die instead. */
#define STEP(action) if :: d_step { action } :: ring == 0 -> goto died fi

#define FILL(half, row) STEP(half[ROW(ring, ADVANCE(position, row))] = ADVANCE(position, row))

/* RingWriter.append, #fill: plain stores. */
inline fill() {
  FILL(record, 0);
  FILL(observation, 0);
  if
  :: rows == 2 -> FILL(record, 1); FILL(observation, 1)
  :: else
  fi
}

/* RingWriter.claim: Atomics.exchange. Always as many rows as the longest append. */
inline announce() {
#ifdef CLAIM_AS_MANY_AS_APPENDED
  STEP(claim[ring] = ADVANCE(position, rows))
#else
  STEP(claim[ring] = ADVANCE(position, ROWS_PER_CLAIM))
#endif
}

/* RingWriter.publish: the half is counted, unless by a writer that died here (Atomics.add) ... */
inline countHalf() {
  STEP(
    if
#ifdef HALF_COUNTED_AGAIN
    :: HALF_OF(ADVANCE(position, rows)) != HALF_OF(position)
#else
    :: HALF_OF(ADVANCE(position, rows)) != HALF_OF(position) && halves[ring] % 2 == HALF_OF(position)
#endif
      -> halves[ring]++;
      /* From the third lap on, all are alike. */
      if :: halves[ring] == 6 -> halves[ring] = 4 :: else fi
    :: else
    fi
  )
}

/* ... and then the head moves (Atomics.store). */
inline publish() {
  STEP(
    head[ring] = ADVANCE(position, rows);
    total[ring] = LEAST(CAPACITY, total[ring] + rows)
  )
}

inline leaveGarbage(row) {
  if :: record[ROW(ring, ADVANCE(head[ring], row))] == ADVANCE(head[ring], row) ->
    record[ROW(ring, ADVANCE(head[ring], row))] = GARBAGE
  :: else
  fi;
  if :: observation[ROW(ring, ADVANCE(head[ring], row))] == ADVANCE(head[ring], row) ->
    observation[ROW(ring, ADVANCE(head[ring], row))] = GARBAGE
  :: else
  fi
}

proctype Actor(byte ring) {
  byte position, rows;
#if RINGS == 2
  byte appends;
#endif

taken_over:
  /* The constructor of RingWriter: a writer goes on at the published head. */
  atomic {
#ifdef REPLACED_BEHIND_THE_CLAIM
    position = claim[ring];
#else
    position = head[ring];
#endif
    rows = 0
  }
  do
  :: /* RingWriter.append: a step, or the last step of an episode and its boundary row. */
    atomic {
#if RINGS == 2
      MAY_WRITE(ring) && appends < APPENDS -> appends++;
#else
      MAY_WRITE(ring);
#endif
      if :: RINGS == 1 -> rows = 1 :: rows = 2 fi
    }
#if defined(CLAIM_AFTER_FILL)
    fill();
    announce();
    countHalf();
    publish();
#elif defined(PUBLISH_BEFORE_FILL)
    announce();
    countHalf();
    publish();
    fill();
#elif defined(HALF_COUNTED_AFTER_HEAD)
    announce();
    fill();
    publish();
    countHalf();
#else
    announce();
    fill();
    countHalf();
    publish();
#endif
    d_step { position = ADVANCE(position, rows); rows = 0 }
  od;

died:
  /* The thread is gone; the system starts another. What this one left half done is nobody's row. */
  atomic { leaveGarbage(0); leaveGarbage(1) }
  goto taken_over
}

/* Witnesses: these things happen, so that what is proved of them says something. */
#ifdef WITNESS_KEPT
#define KEPT assert(false);
#else
#define KEPT
#endif
#ifdef WITNESS_REDRAWN
#define REDRAWN assert(false);
#else
#define REDRAWN
#endif

/* RingWindows.look */
inline look(ring) {
  d_step {
    /* loadHead: Atomics.load */
    heads[ring] = head[ring];
    looking[ring] = true;
    seenTotal = total[ring]
  }
  d_step {
    /* totalRows: Atomics.load of the halves, after the head */
    rowsSeen = (halves[ring] % 2 == HALF_OF(heads[ring]) -> halves[ring] : halves[ring] - 1);
    rowsSeen = (rowsSeen >> 1) * PERIOD + heads[ring] - START;
    assert(LEAST(rowsSeen, CAPACITY) == seenTotal);
    lengths[ring] = LEAST(rowsSeen, WINDOW);
    firsts[ring] = ADVANCE(heads[ring], -lengths[ring]);
    rowsSeen = 0;
    seenTotal = 0
  }
}

#define READ(half, index, step) d_step { torn[index] = torn[index] || \
    half[ROW(rings[index], ADVANCE(positions[index], step))] != ADVANCE(positions[index], step) }

/* TransitionReader.read: plain loads. */
inline read(index) {
  READ(record, index, 0);
  READ(record, index, STEPS)
}

/* TransitionReader.gather: plain loads of the frames and of the observation after the step. */
inline gather(index) {
#if FRAMES == 2
  READ(observation, index, -1);
#endif
  READ(observation, index, 0);
  READ(observation, index, STEPS)
}

/* UniformDraw.draw: any row of any ring */
inline drawPosition(index) {
  atomic {
    if
    :: lengths[0] > 0 -> rings[index] = 0
#if RINGS == 2
    :: lengths[1] > 0 -> rings[index] = 1
#endif
    :: else -> goto idle
    fi;
    select(offset : 0 .. lengths[rings[index]] - 1);
    positions[index] = ADVANCE(firsts[rings[index]], offset);
    offset = 0;
    torn[index] = false;
    pending[index] = true
  }
}

#define LOOK_AGAIN(index) look(rings[index])

/* RingSampler.#draw; the claim by loadClaim: Atomics.add of 0 */
inline draw(index) {
  do
  :: drawPosition(index);
    read(index);
    if
    :: !IS_WHOLE(positions[index], claim[rings[index]]) -> REDRAWN LOOK_AGAIN(index)
#ifndef SUCCESSOR_NOT_PUBLISHED
    /* TransitionSpan.at: its successors are not published yet. */
    :: IS_WHOLE(positions[index], claim[rings[index]]) && DISTANCE(positions[index], heads[rings[index]]) <= STEPS
#endif
    :: else -> break
    fi
  od
}

/* RingSampler.#keepTorn: Atomics.add of 0 for each ring, */
inline loadClaims() {
#if RINGS == 2
  d_step { claims[1] = claim[1] }
#endif
  d_step { claims[0] = claim[0] }
}

inline keepIfWhole(index) {
  if
#ifdef ONE_CLAIM_FOR_ALL_RINGS
  :: pending[index] && IS_WHOLE(positions[index], claims[0]) ->
#else
  :: pending[index] && IS_WHOLE(positions[index], claims[rings[index]]) ->
#endif
    assert(!torn[index]);
    KEPT
    pending[index] = false;
    positions[index] = 0;
    rings[index] = 0
  :: else
  fi
}

/* and what they vouch for. */
inline keepWhole() {
  d_step {
    keepIfWhole(0);
#if BATCH == 2
    keepIfWhole(1);
#endif
    claims[0] = 0;
    claims[RINGS - 1] = 0
  }
}

/* RingSampler.#validate: one that is torn */
inline replace(index) {
  if
  :: pending[index] -> REDRAWN LOOK_AGAIN(index); draw(index); gather(index)
  :: else
  fi
}

inline forget(index) {
  rings[index] = 0; positions[index] = 0; pending[index] = false; torn[index] = false
}

inline lookAway(ring) {
  heads[ring] = 0; firsts[ring] = 0; lengths[ring] = 0; looking[ring] = false
}

proctype Learner() {
  byte offset, seenTotal;
  short rowsSeen;
  byte claims[RINGS];

  do
  :: /* RingSampler.sample */
    look(0);
#if RINGS == 2
    look(1);
#endif
    draw(0);
#if BATCH == 2
    draw(1);
#endif
#ifdef CLAIM_LOADED_BEFORE_GATHER
    /* What an ARM core may make of an Atomics.load in the place of the read-modify-write. */
    loadClaims();
#endif
    gather(0);
#if BATCH == 2
    gather(1);
#endif
#ifndef CLAIM_LOADED_BEFORE_GATHER
    loadClaims();
#endif
    keepWhole();
    do
    :: pending[0] || pending[BATCH - 1] ->
      replace(0);
#if BATCH == 2
      replace(1);
#endif
      loadClaims();
      keepWhole()
    :: else -> break
    od;
idle:
    atomic {
      forget(0); forget(BATCH - 1);
      lookAway(0); lookAway(RINGS - 1)
    }
  od
}

init {
  byte place;
  atomic {
    /* The first row begins an episode: the frame before it is not read but all zeros, and as good as a row. */
    observation[(NEXT - 1) % CAPACITY] = NEXT - 1;
    run Actor(0);
#if RINGS == 2
    run Actor(1);
    for (place : 1 .. FULL) {
      record[ROW(0, NEXT - place)] = NEXT - place; observation[ROW(0, NEXT - place)] = NEXT - place;
      record[ROW(1, NEXT - place)] = NEXT - place; observation[ROW(1, NEXT - place)] = NEXT - place
    }
#endif
    run Learner()
  }
}
