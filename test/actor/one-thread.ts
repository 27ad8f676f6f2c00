import type { MarlConfiguration, TurnEnvironment } from 'marlin-rl';
import { resolveConfiguration } from '#marlin/system/configuration.js';
import { planRun } from '#marlin/system/run-plan.js';
import type { BuiltActor } from '#marlin/system/actor-wiring.js';
import type { OpenRun } from '#marlin/system/open-run.js';
import { buildActor } from '#marlin/system/actor-wiring.js';
import { openRun } from '#marlin/system/open-run.js';
import { allocateRun } from '#marlin/system/run-allocation.js';

export interface OneThread extends BuiltActor {
  readonly share: OpenRun;
  /** Rows that the actor has reported. */
  readonly rows: readonly Float64Array[];
}

/** An actor and the memory of a run, put together as a run does, in the calling thread. */
export async function buildInOneThread(
  environment: TurnEnvironment,
  settings: Omit<MarlConfiguration, 'environment'> = {},
  maxTurns = 20,
): Promise<OneThread> {
  const configuration = resolveConfiguration({ ...settings, environment: 'of the test' });
  const plan = await planRun(configuration, { reference: 'of the test', options: {}, maxTurns }, environment.agents);
  const share = await openRun(await allocateRun(plan));
  const rows: Float64Array[] = [];
  const built = await buildActor(share, 0, environment, (row) => rows.push(row.slice()));
  return { ...built, share, rows };
}
