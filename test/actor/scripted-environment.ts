import type { AgentSpec, ObservationArray, RandomStream, TurnEnvironment } from 'marlin-rl';

/** An environment that writes down every call, and whose turns are scripted by a test. */
export class ScriptedEnvironment implements TurnEnvironment {
  readonly agents: readonly AgentSpec[];
  readonly rewards: Float32Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  done = false;
  /** The calls so far, for example `act 0`. */
  log: string[] = [];
  readonly actions: number[] = [];
  /** First draws of the streams that `reset` was given. */
  readonly seeds: number[] = [];
  turn = 0;

  readonly #script: (environment: ScriptedEnvironment) => void;

  /** @param script sets rewards, terminated, truncated and done at the end of a turn */
  constructor(agents: number, script: (environment: ScriptedEnvironment) => void, spec: Partial<AgentSpec> = {}) {
    this.agents = Array.from({ length: agents }, (_, index) => ({
      id: `agent-${index}`,
      observation: { size: 2, dtype: 'f32' },
      action: { kind: 'discrete', count: 3 },
      ...spec,
    }));
    this.rewards = new Float32Array(agents);
    this.terminated = new Uint8Array(agents);
    this.truncated = new Uint8Array(agents);
    this.#script = script;
  }

  reset(random: RandomStream): void {
    this.log.push('reset');
    this.seeds.push(random.uniform());
    this.turn = 0;
    this.done = false;
  }

  beginTurn(): void {
    this.log.push('beginTurn');
    this.turn++;
    this.rewards.fill(0);
    this.terminated.fill(0);
    this.truncated.fill(0);
  }

  /** The turn and the agent, so that one can tell what a row of the ring was. */
  observe(agent: number, out: ObservationArray): void {
    this.log.push(`observe ${agent}`);
    out[0] = this.turn;
    out[1] = agent;
  }

  legalActions(agent: number, out: Uint8Array): void {
    this.log.push(`legalActions ${agent}`);
    out.fill(0);
    out[(this.turn + agent) % 3] = 1;
  }

  act(agent: number, action: number): void {
    this.log.push(`act ${agent}`);
    this.actions.push(action);
  }

  endTurn(): void {
    this.log.push('endTurn');
    this.#script(this);
  }
}
