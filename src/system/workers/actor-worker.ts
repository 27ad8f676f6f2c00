import { workerData } from 'node:worker_threads';
import type { ActorWorkerData } from '../actor-thread.js';
import { runActor } from '../actor-thread.js';
import { exposeWork } from '../worker-call.js';

exposeWork(() => runActor(workerData as ActorWorkerData));
