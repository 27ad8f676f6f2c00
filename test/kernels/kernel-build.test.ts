import { describe, expect, it } from 'vitest';
import { compileKernels, problemsOf } from '../../scripts/kernel-build.js';

/** What is wrong with a module of this source, compiled as the kernels are. */
async function problemsIn(source: string): Promise<string[]> {
  const written = new Map<string, string | Uint8Array>();
  const complaint = await compileKernels('entry.ts', 'entry.wasm', 'entry.wat', {
    readFile: (name) => (name === 'entry.ts' ? source : null),
    writeFile: (name, contents) => {
      written.set(name, contents);
    },
    listFiles: () => [],
  });
  return complaint === undefined ? problemsOf(String(written.get('entry.wat'))) : [complaint];
}

describe('the build of the kernels', { timeout: 120_000 }, () => {
  it('lets through what works on offsets alone', async () => {
    expect(await problemsIn('export function half(x: usize): void { store<f32>(x, load<f32>(x) / 2); }')).toEqual([]);
  });

  it.each([
    [
      'an object of a constant size',
      'class P { a: i32 = 0; } let kept = new P(); export function leak(): i32 { kept = new P(); return kept.a; }',
    ],
    ['an array', 'export function leak(n: i32): i32 { const list = new StaticArray<i32>(n); return list.length; }'],
  ])('refuses what allocates: %s', async (_, source) => {
    expect(await problemsIn(source)).toContainEqual(expect.stringContaining('the module allocates'));
  });

  it('refuses static data that reaches into the memory of a policy', async () => {
    const source = `const table = memory.data<u8>([${Array.from({ length: 65_000 }, () => 1).join()}]); export function at(i: usize): u8 { return load<u8>(table + i); }`;
    expect(await problemsIn(source)).toContainEqual(expect.stringContaining('Module requires at least'));
  });
});
