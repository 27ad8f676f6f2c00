/** Names of a run's threads: in errors, records, schedules and traces. */
export function actorName(actor: number): string {
  return `actor-${actor}`;
}

export function learnerName(worker: number): string {
  return `learner-${worker}`;
}
