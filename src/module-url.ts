import { resolve as resolvePath } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The address of a user's module: relative paths count from the working directory. */
export function moduleUrl(module: string): string {
  return /^(file|data|node):/.test(module) ? module : pathToFileURL(resolvePath(module)).href;
}
