import { runActor } from '../actor-thread.js';
import { exposeWork } from '../worker-call.js';

exposeWork(runActor);
