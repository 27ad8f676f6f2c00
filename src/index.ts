export { MarlSystem } from './system/marl-system.js';
export type { RunOptions } from './system/marl-system.js';
export { Experiment } from './system/experiment.js';
export { resumeRun } from './system/resume.js';
export type { ResumeOptions } from './system/resume.js';
export { reproduceRun } from './system/reproduce.js';
export type { Reproduction } from './system/reproduce.js';
export { evaluateRun } from './system/evaluate-run.js';
export type { AgentEvaluation, EpisodeStatistics, EvaluationOptions, EvaluationSummary } from './system/evaluation.js';
export type { EnvironmentReference, Execution, MarlConfiguration } from './system/configuration.js';
export type { AgentSummary, RunSummary } from './system/summary.js';
export type {
  AgentEvaluationRecord,
  DoneRecord,
  EndReason,
  EpisodeRecord,
  EvaluationRecord,
  FaultRecord,
  IterationRecord,
  PolicyRecord,
  RecordSink,
  TrainingRecord,
} from './metrics/record.js';
export type { PublishMessage, TrainMessage, TurnMessage, WaitMessage, WaitReason } from './metrics/probes.js';
export { ConfigurationError, MarlinError } from './errors.js';
export type { MarlinErrorCode } from './errors.js';
export { RandomStream } from './random.js';
export type { StreamName } from './random.js';
export type {
  Action,
  ActionSpace,
  AgentSpec,
  BoxSpace,
  DiscreteSpace,
  EnvironmentDefinition,
  EnvironmentRequest,
  MultiDiscreteSpace,
  ObservationArray,
  ObservationSpace,
  ResolvedEnvironment,
  TurnEnvironment,
} from './environment/environment.js';
