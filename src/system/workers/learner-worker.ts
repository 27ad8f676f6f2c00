import { runLearner } from '../learner-thread.js';
import { exposeWork } from '../worker-call.js';

exposeWork(runLearner);
