import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type GoldenTensors = Readonly<Record<string, GoldenTensor>>;

export interface GoldenDqn {
  readonly kind: 'dqn';
  readonly config: {
    readonly observation: number;
    readonly hidden: readonly number[];
    readonly actions: number;
    readonly batch: number;
    readonly nStep: number;
    readonly dueling: boolean;
    readonly doubleQ: boolean;
    readonly huberDelta: number;
    readonly learningRate: number;
    readonly discount: number;
    readonly maxGradNorm: number;
    readonly targetTau: number;
    readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  };
  readonly params: GoldenTensors;
  readonly target: GoldenTensors;
  readonly batch: {
    readonly observation: GoldenTensor;
    readonly nextObservation: GoldenTensor;
    readonly action: readonly number[];
    readonly nStepReturn: GoldenTensor;
    readonly terminal: readonly number[];
    readonly weight: GoldenTensor;
  };
  readonly expected: {
    readonly qValues: GoldenTensor;
    readonly tdError: GoldenTensor;
    readonly loss: number;
    readonly gradients: GoldenTensors;
    readonly gradNorm: number;
    readonly paramsAfter: GoldenTensors;
    readonly targetAfter: GoldenTensors;
  };
}

type GoldenPasses<T> = Readonly<Record<'online' | 'nextOnline' | 'nextTarget', T>>;

export interface GoldenIqn {
  readonly kind: 'iqn';
  readonly config: {
    readonly observation: number;
    readonly hidden: number;
    readonly actions: number;
    readonly batch: number;
    readonly quantiles: number;
    readonly cosines: number;
    readonly noisy: boolean;
    readonly nStep: number;
    readonly learningRate: number;
    readonly discount: number;
    readonly maxGradNorm: number;
    readonly targetTau: number;
    readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  };
  readonly params: GoldenTensors;
  readonly target: GoldenTensors;
  readonly batch: {
    readonly observation: GoldenTensor;
    readonly nextObservation: GoldenTensor;
    readonly action: readonly number[];
    readonly nStepReturn: GoldenTensor;
    readonly terminal: readonly number[];
    readonly valid: readonly number[];
  };
  readonly taus: GoldenPasses<GoldenTensor>;
  /** ε of the weights under `f`, `a`, `v`, of the biases under `bf`, `ba`, `bv`; null without noise. */
  readonly noise: GoldenPasses<GoldenTensors | null>;
  readonly expected: {
    readonly quantileValues: GoldenTensor;
    readonly bestNextAction: readonly number[];
    readonly targetQuantiles: GoldenTensor;
    readonly loss: number;
    readonly gradients: GoldenTensors;
    readonly gradNorm: number;
    readonly paramsAfter: GoldenTensors;
    readonly targetAfter?: GoldenTensors;
  };
}

export interface GoldenPpo {
  readonly kind: 'ppo';
  readonly config: {
    readonly observation: number;
    readonly hidden: readonly number[];
    readonly actions: number;
    readonly batch: number;
    readonly learningRate: number;
    readonly clipRange: number;
    readonly valueCoefficient: number;
    readonly entropyCoefficient: number;
    readonly maxGradNorm: number;
    readonly discount: number;
    readonly gaeLambda: number;
    readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  };
  readonly params: GoldenTensors;
  readonly batch: {
    readonly observation: GoldenTensor;
    readonly action: readonly number[];
    readonly reward: GoldenTensor;
    readonly terminal: readonly number[];
    readonly truncated: readonly number[];
    readonly value: GoldenTensor;
    readonly truncationValue: GoldenTensor;
    readonly lastValue: number;
    readonly oldLogProbability: GoldenTensor;
  };
  readonly expected: {
    readonly advantages: GoldenTensor;
    readonly returns: GoldenTensor;
    readonly logits: GoldenTensor;
    readonly values: GoldenTensor;
    readonly policyLoss: number;
    readonly valueLoss: number;
    readonly entropy: number;
    readonly loss: number;
    readonly approximateKl: number;
    readonly clipFraction: number;
    readonly gradients: GoldenTensors;
    readonly gradNorm: number;
    readonly paramsAfter: GoldenTensors;
  };
}

type Golden = GoldenDqn | GoldenIqn | GoldenPpo;

/** The golden files of one kind: of the folder in GOLDEN_DIR, or of the project's own copy. */
export function goldenFiles<Kind extends Golden['kind']>(
  kind: Kind,
): { readonly name: string; readonly golden: Extract<Golden, { readonly kind: Kind }> }[] {
  const folder = process.env['GOLDEN_DIR'] ?? join(import.meta.dirname, '../fixtures/golden');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, golden: JSON.parse(readFileSync(join(folder, name), 'utf8')) }))
    .filter(({ golden }) => golden.kind === kind);
}
