// Compiles the AssemblyScript kernels to dist/kernels/kernels.wasm, and fails where the plan could not rely on them.
import { mkdir, readFile } from 'node:fs/promises';
import { compileKernels, problemsOf } from './kernel-build.js';

const output = 'dist/kernels/kernels.wasm';
const textOutput = 'dist/kernels/kernels.wat';

await mkdir('dist/kernels', { recursive: true });
const complaint = await compileKernels('src/kernels/assembly/index.ts', output, textOutput);
if (complaint !== undefined) {
  process.stderr.write(`${complaint}\n`);
  process.exit(1);
}
const problems = problemsOf(await readFile(textOutput, 'utf8'));
if (problems.length > 0) {
  process.stderr.write(`${output}:\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  process.exit(1);
}
