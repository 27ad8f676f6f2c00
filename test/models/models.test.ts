import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const models = new URL('../../models/', import.meta.url);
const readme = readFileSync(new URL('README.md', models), 'utf8');

const missing = ['spin', 'gcc'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
if (missing.length > 0) console.log(`The proofs of the protocols are skipped: ${missing.join(' and ')} not installed.`);
const isSkipped = missing.length > 0;

/** The runs in the table of a section of the README: a model and macros. */
function runsOf(section: string): string[] {
  const [, text = ''] = readme.split(`\n## ${section}\n`);
  const [table] = text.split('\n## ');
  return Array.from(table.matchAll(/^\| `([^`]+)` \|/gm), ([, run]) => run);
}

async function verify(run: string, flags: string): Promise<string> {
  const script = fileURLToPath(new URL('verify', models));
  const { stdout } = await promisify(execFile)(script, run.split(' '), { env: { ...process.env, CFLAGS: flags } });
  return stdout;
}

describe('the models of the protocols', () => {
  it.skipIf(isSkipped).each(runsOf('Proofs'))('%s: no state is wrong', { timeout: 240_000 }, async (run) => {
    const output = await verify(run, '-O2');
    expect(output).toContain('errors: 0\n');
    // Where the search was cut short, nothing is proved.
    expect(output).not.toContain('too small');
    expect(output).not.toContain('not completed');
  });

  it.skipIf(isSkipped).each(['Mutations', 'Limits', 'Witnesses'].flatMap(runsOf))(
    '%s: would be caught',
    { timeout: 240_000 },
    async (run) => {
      // Most of them are found at once: compiling is what takes time.
      const output = await verify(run, '-O1');
      expect(output).toMatch(/errors: [1-9]/);
      // And not by a slip of the model's own.
      expect(output).toMatch(/pan:1: (assertion violated|invalid end state|non-progress cycle)/);
    },
  );

  it('know no macro that the tables leave out', () => {
    const listed = new Set(Array.from(readme.matchAll(/-D(\w+)/g), ([, macro]) => macro));
    for (const file of readdirSync(models).filter((name) => name.endsWith('.pml'))) {
      const text = readFileSync(new URL(file, models), 'utf8');
      for (const [, macro] of text.matchAll(/(?:#ifn?def |defined\()(\w+)/g)) expect(listed).toContain(macro);
    }
    expect(runsOf('Proofs').length).toBeGreaterThan(0);
    expect(runsOf('Mutations').length).toBeGreaterThan(0);
  });
});
