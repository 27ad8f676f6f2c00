/**
 * An algorithm at whose actions and training steps somebody else looks on, and may throw.
 * @template Configuration
 * @param {import('marlin-rl/algorithm').Algorithm<Configuration>} usual
 * @param {{ name: string, act(): void, attendTrainer(agent: string): () => void }} attendant `act` is called when weights
 * have been read and the action not been taken; what `attendTrainer` returns, in a training step whose effects are in
 * memory and which is not counted yet
 * @returns {import('marlin-rl/algorithm').Algorithm<Configuration>}
 */
export function attended(usual, attendant) {
  return {
    ...usual,
    name: attendant.name,
    createPolicy: async (...parts) => {
      const policy = await usual.createPolicy(...parts);
      return {
        act(step) {
          const isChosen = policy.act(step);
          attendant.act();
          return isChosen;
        },
      };
    },
    createTrainer: async (...parts) => {
      const [, context] = parts;
      const trainer = await usual.createTrainer(...parts);
      const attend = attendant.attendTrainer(context.agent.id);
      return {
        batch: trainer.batch,
        metrics: trainer.metrics,
        initialize: (random) => trainer.initialize(random),
        step() {
          trainer.step();
          attend();
        },
      };
    },
  };
}
