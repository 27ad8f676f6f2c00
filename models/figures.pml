/*
 * The figures of a commit: two stamped blocks and the number of one; a learner that may die at any step, and a reader.
 *
 *   learner   stamp -> figures -> stamp -> number                    src/buffer/commit-figures.ts, post
 *   reader    number -> stamp -> figures -> stamp -> number, until   src/buffer/commit-figures.ts, read
 *             both stamps agree and the number has not moved
 *
 * Figures are two words, which hold the number of the post that wrote them. All accesses are atomic, and in order.
 *
 * Proved: what is read was posted whole, and is never older than what was read before. With LIVENESS: a reader does not
 * wait for a learner that died, wherever.
 */

#define POSTS 5

byte number;
byte front[2];
byte steps[2];
byte means[2];
byte back[2];

/* For the proof alone: posts begun, and the newest that was read. */
byte posted;
byte newest;

/* One step of the learner, who may die instead. */
#define STEP(action) if :: d_step { action } :: goto died fi

#ifdef ONE_BLOCK
#define OTHER 0
#else
#define OTHER (1 - number)
#endif

/* Which stamp the reader loads before the figures, and which behind them. */
#ifdef FRONT_STAMP_READ_FIRST
#define EARLY front
#define LATE back
#else
#define EARLY back
#define LATE front
#endif

/* CommitFigures.post */
active proctype Learner() {
  byte block, stamp, post;

taken_over:
  do
  :: posted < POSTS ->
    d_step { block = OTHER; posted++; post = posted }
#ifdef NUMBER_FIRST
    STEP(number = block);
#endif
    STEP(stamp = back[block] + 1);
    STEP(front[block] = stamp);
    STEP(steps[block] = post);
    STEP(means[block] = post);
    STEP(back[block] = stamp);
#ifndef NUMBER_FIRST
    STEP(number = block)
#endif
  :: goto gone
  od;

died:
  atomic { block = 0; stamp = 0; post = 0 }
  if
  :: goto taken_over
  :: goto gone
  fi;
gone:
  skip
}

/* CommitFigures.read */
active proctype Reader() {
  byte block, stamp, readSteps, readMeans;

end:
  do
  :: d_step { block = number };
    d_step { stamp = EARLY[block] };
    d_step { readSteps = steps[block] };
    d_step { readMeans = means[block] };
    if
#ifdef NO_STAMPS
    :: true
#else
    :: LATE[block] != stamp -> goto end
    :: LATE[block] == stamp
#endif
    fi;
    if
#ifdef NUMBER_READ_ONCE
    :: true ->
#else
    :: number != block
    :: number == block ->
#endif
progress:
      d_step {
        assert(readSteps == readMeans);
        assert(readSteps >= newest);
        newest = readSteps;
        readSteps = 0;
        readMeans = 0;
        stamp = 0;
        block = 0
      }
    fi
  od
}
