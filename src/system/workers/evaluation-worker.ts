import { runEvaluationTask } from '../evaluation-task.js';

export default runEvaluationTask;
