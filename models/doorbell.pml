/*
 * The doorbell: two threads that make progress and ring, and one that sleeps until it has seen all of it. No time-outs.
 *
 *   ringer    progress -> sleeping? -> count the ring, notify                    src/buffer/doorbell.ts, ring
 *   sleeper   rings -> sleeping -> look once more -> wait while rings is the same  src/buffer/doorbell.ts, sleepUnless
 *
 * All accesses are atomic. Atomics.wait compares and falls asleep in one step; Atomics.notify wakes who sleeps then.
 *
 * Proved: nobody is left asleep while there is progress that he has not seen. (Such a state would be one in which nothing
 * more can happen, an invalid end state.) RINGER_DIES shows what time-outs are for.
 */

#define RINGERS 2
#define EACH 2

byte stored;   /* the progress that was made */
byte rings;    /* word 0 of the bell */
bool sleeping; /* word 1 */
bool waiting;  /* in the engine's list of those who wait on `rings` */

/* Doorbell.ring */
inline ring() {
  if
  :: sleeping ->
#ifndef RING_NOT_COUNTED
    /* Atomics.add */
    rings++;
#endif
    /* Atomics.notify */
    waiting = false
  :: !sleeping
  fi
}

active [RINGERS] proctype Ringer() {
  byte done;

  do
  :: done < EACH ->
#ifdef RING_BEFORE_PROGRESS
    ring();
    stored++;
#else
    /* What it does that the sleeper waits for: an atomic store. */
    stored++;
#ifdef RINGER_DIES
    if :: true :: break fi;
#endif
    ring();
#endif
    done++
  :: else -> break
  od
}

active proctype Sleeper() {
  byte seen, before;

  do
  :: seen == RINGERS * EACH -> break
  :: else ->
    /* Doorbell.sleepUnless, until there is progress that was not seen. */
#ifndef RINGS_LOADED_AFTER_THE_LOOK
    before = rings;
#endif
#ifndef SLEEPING_AFTER_THE_LOOK
    sleeping = true;
#endif
    if
    :: stored > seen /* ready() */
    :: stored == seen ->
#ifdef SLEEPING_AFTER_THE_LOOK
      sleeping = true;
#endif
#ifdef RINGS_LOADED_AFTER_THE_LOOK
      before = rings;
#endif
      /* Atomics.wait */
      d_step { waiting = (rings == before) };
#ifdef WITNESS_SLEPT
      if :: waiting -> assert(false) :: else fi;
#endif
      !waiting
    fi;
    sleeping = false;
    d_step { before = 0; seen = stored }
  od
}
