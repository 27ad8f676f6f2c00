import type { Kernels } from '../kernels/kernels.js';
import type { ReturnSupport } from '../network/q-head.js';
import type { DqnConfiguration } from './dqn.js';
import type { DqnWorkspace } from './dqn-memory.js';
import type { DqnNetwork, DqnNetworkPlan } from './dqn-network.js';

/**
 * The loss of the batch in `workspace`, from the outputs of both networks for it. Each call sets the gradients of the
 * online network's outputs, the batch's priorities and the figures.
 */
export function createLoss(
  configuration: DqnConfiguration,
  kernels: Kernels,
  plan: DqnNetworkPlan,
  network: DqnNetwork,
  workspace: DqnWorkspace,
): () => void {
  const { support } = plan.head;
  return support === undefined
    ? () => temporalDifference(configuration, kernels, workspace)
    : () => distributionalLoss(configuration, kernels, support, network, workspace);
}

/** Huber loss of td = return + γᵐ · Q(s′, a′) − Q(s, a), which sets the priorities. */
function temporalDifference(
  { doubleQ, huberDelta }: DqnConfiguration,
  kernels: Kernels,
  { batch, online, target, upstream, figures }: DqnWorkspace,
): void {
  const { size, maskSize: actionCount } = batch;
  kernels.dqnLoss(
    upstream.outputs,
    batch.priority,
    figures,
    online.q,
    doubleQ ? online.q + size * actionCount * 4 : target.q,
    target.q,
    batch.action,
    batch.nStepReturn,
    batch.bootstrapDiscount,
    batch.weight,
    batch.nextLegal ?? 0,
    size,
    actionCount,
    huberDelta,
  );
}

/**
 * Cross-entropy of the projected distribution of return + γᵐ · Z(s′, a′) to that of Z(s, a) (Bellemare et al. 2017,
 * algorithm 1). It is the priority too, as in Rainbow (Hessel et al. 2018); a′ is chosen by expectation.
 */
function distributionalLoss(
  { doubleQ }: DqnConfiguration,
  kernels: Kernels,
  { atoms, minimum, step }: ReturnSupport,
  network: DqnNetwork,
  { batch, online, target, upstream, projection, figures }: DqnWorkspace,
): void {
  const { size, maskSize: actionCount } = batch;
  network.readValues(online, doubleQ ? 2 * size : size);
  if (!doubleQ) network.readValues(target, size);
  kernels.returnDistributionLoss(
    upstream.outputs,
    batch.priority,
    figures,
    online.outputs,
    online.q,
    doubleQ ? online.q + size * actionCount * 4 : target.q,
    target.outputs,
    batch.action,
    batch.nStepReturn,
    batch.bootstrapDiscount,
    batch.weight,
    batch.nextLegal ?? 0,
    size,
    actionCount,
    atoms,
    minimum,
    step,
    projection,
  );
}
