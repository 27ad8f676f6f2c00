// Removes what the build and the tests write.
import { rm } from 'node:fs/promises';

for (const folder of ['dist', 'dist-bench', 'test-results']) await rm(folder, { recursive: true, force: true });
