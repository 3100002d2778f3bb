import { parentPort, workerData } from 'node:worker_threads';
import { UsageError } from '../../model/errors.js';
import { loadModule, runTask, type Task, type WorkerAnswer, type WorkerStart } from './pool.js';

const { market, module: path } = workerData as WorkerStart;
const module = loadModule(path);

parentPort?.on('message', async (task: Task) => {
  parentPort?.postMessage(await answer(task));
});

async function answer(task: Task): Promise<WorkerAnswer> {
  try {
    return { run: runTask(task, { market, module: await module }) };
  } catch (error) {
    return { error: { message: (error as Error).message, isUsage: error instanceof UsageError } };
  }
}
