// How the kernels are compiled, and what is checked of the result.
import { main as compile } from 'assemblyscript/asc';

/** Static data lies from here on: 0 stays free, so that an offset of 0 can mean "none". */
const staticDataStart = 1024;

const options = [
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--importMemory',
  '--sharedMemory',
  // One page: the compiler refuses static data beyond it, where the memory of a policy begins.
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
  '--memoryBase',
  String(staticDataStart),
  '--optimizeLevel',
  '3',
  '--shrinkLevel',
  '0',
  '--converge',
  '--noAssert',
];

/**
 * Compiles a module in the way of the kernels.
 * @param {string} entry path of its source
 * @param {string} output path of the module
 * @param {string} textOutput path of the module as text
 * @param {Parameters<typeof compile>[1]} [files] where it reads and writes; default: the file system
 * @returns {Promise<string | undefined>} what the compiler complains of
 */
export async function compileKernels(entry, output, textOutput, files) {
  const { error, stderr } = await compile([entry, '--outFile', output, '--textFile', textOutput, ...options], files);
  return error === null ? undefined : stderr.toString();
}

/**
 * What the plan relies on and a compiled module breaks: no allocation, no abort.
 * @param {string} text the module as text
 */
export function problemsOf(text) {
  const problems = [];
  if (/\(import "env" "abort"/.test(text)) problems.push('the module imports abort: something can throw');
  // Of an allocator that was inlined, the place of the next object is what is left.
  if (/\$~lib\/rt\/|memory\.grow/.test(text)) {
    problems.push('the module allocates: instances would hand out the same address');
  }
  return problems;
}
