import { expect, it } from 'vitest';
import { PolicyLink } from '#marlin/actor/policy-link.js';
import type { PolicyLinkParts } from '#marlin/actor/policy-link.js';

function makeLink(parts: Partial<Record<keyof PolicyLinkParts, unknown>>): PolicyLink {
  return new PolicyLink({
    id: 'agent-0',
    rate: { trainInterval: 1, gradientSteps: 1, learningStarts: 0 },
    maxTrainingLag: 0,
    ...parts,
  } as PolicyLinkParts);
}

it('in lockstep a learner is behind while it owes anything and has not met the actor in this turn', () => {
  let [trainSteps, met] = [3, 4];
  const link = makeLink({
    trainSteps: { value: () => trainSteps },
    meeting: { value: () => met },
    // Whether the rings hold a batch is for the learner to say.
    canTrain: () => {
      throw new Error('The actor looked for itself.');
    },
  });
  expect(link.isBehind(5)).toBe(true);
  // It came to the meeting, and had no batch.
  met = 5;
  expect(link.isBehind(5)).toBe(false);
  expect(link.isBehind(6)).toBe(true);
  trainSteps = 6;
  expect(link.isBehind(6)).toBe(false);
});
