import * as v from 'valibot';
import type { ActingPolicy, Algorithm, AlgorithmPlan, Experience, Trainer } from '../algorithms/algorithm.js';
import { ConfigurationError } from '../errors.js';
import { count, countOrZero, finiteNumber, looseSettings, share, text } from '../schemas.js';
import { parseSetting } from '../validation.js';

const unit = v.picklist(['epochs', 'turns']);

/** Complete: nobody fills in what is missing of a plan. */
const epsilon = v.union([
  looseSettings({ kind: v.optional(v.literal('linear')), start: share, end: share, duration: finiteNumber, unit }),
  looseSettings({ kind: v.literal('decay'), start: share, end: share, factor: share, unit }),
]);

const planSchema = looseSettings({
  frames: count,
  experience: v.variant('kind', [
    v.looseObject({ kind: v.literal('replay'), steps: count, discount: share }),
    v.looseObject({ kind: v.literal('rollout'), turns: count, trainingSteps: count, discount: share }),
    v.looseObject({ kind: v.literal('none') }),
  ]),
  ringFields: v.array(v.strictObject({ name: text, dtype: v.picklist(['u8', 'i32', 'f32']), size: count })),
  parameterCount: countOrZero,
  parameters: v.array(
    v.looseObject({
      name: text,
      shape: v.array(count),
      storage: v.picklist(['row-major', 'column-major']),
      offset: countOrZero,
      size: count,
    }),
  ),
  stateBytes: countOrZero,
  policyScratchBytes: countOrZero,
  trainerScratchBytes: countOrZero,
  epsilon: v.optional(epsilon),
  metricNames: v.array(text),
});

/**
 * An algorithm of the user's, with what it returns checked: a wrong size would not fail where it was made, but damage
 * what lies behind it in memory.
 */
export function checked(algorithm: Algorithm): Algorithm {
  const { name, schema, presets } = algorithm;
  return {
    name,
    schema,
    ...(presets === undefined ? {} : { presets }),
    plan: async (configuration, context) => checkedPlan(name, await algorithm.plan(configuration, context)),
    async createPolicy(configuration, context, kernels, scratch) {
      const policy = await algorithm.createPolicy(configuration, context, kernels, scratch);
      const { act } = (policy ?? {}) as Partial<ActingPolicy>;
      if (typeof act !== 'function') refuse(`${name}.createPolicy().act`, act, 'a function');
      return policy;
    },
    async createTrainer(configuration, context, kernels, state, scratch) {
      const { experience, metricNames } = await algorithm.plan(configuration, context);
      const trainer = await algorithm.createTrainer(configuration, context, kernels, state, scratch);
      checkTrainer(`${name}.createTrainer()`, trainer, experience, metricNames);
      return trainer;
    },
  };
}

function checkedPlan(name: string, plan: AlgorithmPlan): AlgorithmPlan {
  const field = `${name}.plan()`;
  parseSetting(planSchema, plan, field);
  const { parameters, parameterCount, stateBytes, metricNames } = plan;
  const twice = metricNames.find((metric, index) => metricNames.indexOf(metric) < index);
  if (twice !== undefined) refuse(`${field}.metricNames`, twice, 'there once: names must be all different');
  if (stateBytes < parameterCount * 4) {
    refuse(`${field}.stateBytes`, stateBytes, `at least ${parameterCount * 4}: the state begins with the parameters`);
  }
  for (const [index, { shape, offset, size }] of parameters.entries()) {
    const values = shape.reduce((product, extent) => product * extent, 1);
    if (values !== size) refuse(`${field}.parameters.${index}.size`, size, `${values}, as its shape says`);
    if (offset + size > parameterCount) {
      refuse(`${field}.parameters.${index}.offset`, offset, `at most ${parameterCount - size}: within the block`);
    }
  }
  return plan;
}

function checkTrainer(
  field: string,
  trainer: Trainer,
  { kind }: Experience,
  metricNames: AlgorithmPlan['metricNames'],
): void {
  const { batch, metrics, initialize, step } = (trainer ?? {}) as Partial<Trainer>;
  if (typeof initialize !== 'function') refuse(`${field}.initialize`, initialize, 'a function');
  if (typeof step !== 'function') refuse(`${field}.step`, step, 'a function');
  if (!(metrics instanceof Float64Array)) refuse(`${field}.metrics`, metrics, 'a Float64Array');
  if (metrics.length !== metricNames.length) {
    refuse(`${field}.metrics.length`, metrics.length, `${metricNames.length}: one for each of metricNames`);
  }
  const wanted = kind === 'none' ? undefined : kind;
  if (batch?.kind !== wanted) refuse(`${field}.batch.kind`, batch?.kind, `${wanted}: it learns by ${kind}`);
}

function refuse(field: string, value: unknown, bound: string): never {
  throw new ConfigurationError(field, value, bound);
}
