import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** Installs this package into `folder` with its dependencies, but of TensorFlow.js only the packages named. */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  const modules = join(folder, 'node_modules');
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  await mkdir(join(modules, 'marlin-rl'), { recursive: true });
  await cp(join(root, 'dist'), join(modules, 'marlin-rl/dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(modules, 'marlin-rl/package.json'));
  for (const name of [...Object.keys(dependencies), ...packages.map((part) => `@tensorflow/tfjs-${part}`)]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
}

/** Puts a package of one's own in the place of `@tensorflow/tfjs-node`, whose binary is not to be had here. */
export async function installAsTfjsNode(folder: string, source: string): Promise<void> {
  const directory = join(folder, 'node_modules/@tensorflow/tfjs-node');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), '{ "name": "@tensorflow/tfjs-node", "main": "index.js" }');
  await writeFile(join(directory, 'index.js'), source);
}

/** Runs a script in `folder` and parses the one line that it prints. */
export async function runIn<T>(folder: string, script: string): Promise<T> {
  const file = join(folder, 'script.mjs');
  await writeFile(file, script);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder });
  return JSON.parse(stdout) as T;
}
