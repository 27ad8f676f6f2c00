import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** `runs/<environment>-<UTC time>`, with a number behind it where that exists already. */
export async function defaultRunDirectory(environment: string): Promise<string> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const name = join('runs', `${basename(environment)}-${time}`);
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    try {
      await access(candidate);
    } catch {
      return candidate;
    }
  }
}
