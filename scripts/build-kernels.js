// Compiles the AssemblyScript kernels to dist/kernels/kernels.wasm and checks what the plan relies on:
// no allocation, no abort, and static data that ends below 64 KiB (every instance of a policy memory writes it again).
import { mkdir, readFile } from 'node:fs/promises';
import { main as compile } from 'assemblyscript/asc';

const entry = 'src/kernels/assembly/index.ts';
const output = 'dist/kernels/kernels.wasm';
const staticDataStart = 1024;
const staticDataEnd = 64 * 1024;

await mkdir('dist/kernels', { recursive: true });
const { error, stderr } = await compile([
  entry,
  '--outFile',
  output,
  '--textFile',
  'dist/kernels/kernels.wat',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--importMemory',
  '--sharedMemory',
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
]);
if (error) {
  process.stderr.write(`${stderr.toString()}\n`);
  process.exit(1);
}

const text = await readFile('dist/kernels/kernels.wat', 'utf8');
const problems = [];
if (/\(import "env" "abort"/.test(text)) problems.push('the module imports abort: something can throw');
if (/\$~lib\/rt\/stub\/__(alloc|new)/.test(text))
  problems.push('the module allocates: instances would hand out the same address');
for (const [, offset, data] of text.matchAll(/\(data \$?\S* ?\(i32\.const (\d+)\) "((?:[^"\\]|\\.)*)"/g)) {
  const bytes = data.replaceAll(/\\(?:[0-9a-f]{2}|.)/g, '.').length;
  if (Number(offset) + bytes > staticDataEnd)
    problems.push(`static data ends at ${Number(offset) + bytes}, above ${staticDataEnd}`);
}
if (problems.length > 0) {
  process.stderr.write(`${output}:\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  process.exit(1);
}
