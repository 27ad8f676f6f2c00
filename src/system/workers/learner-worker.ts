import { workerData } from 'node:worker_threads';
import type { LearnerWorkerData } from '../learner-thread.js';
import { runLearner } from '../learner-thread.js';
import { exposeWork } from '../worker-call.js';

exposeWork(() => runLearner(workerData as LearnerWorkerData));
