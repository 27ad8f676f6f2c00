import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingRecord } from 'marlin-rl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EpochRowShape } from '#marlin/metrics/epoch-row.js';
import { JsonlSink } from '#marlin/metrics/jsonl-sink.js';
import { MetricLineSink } from '#marlin/metrics/metric-line-sink.js';

const timestamp = '2026-11-20T14:30:00.000Z';
const episode: TrainingRecord = {
  kind: 'episode',
  timestamp,
  episode: 1,
  timesteps_total: 5,
  episode_reward: 0.1,
  episode_len: 5,
  rewards: { 'agent "0"\n': 0.1 },
};
const fault: TrainingRecord = {
  kind: 'fault',
  timestamp,
  worker: 'main',
  code: 'E',
  message: 'two\nlines',
  recovered: false,
};

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'marlin-sinks-'));
});
afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe('metrics.jsonl', () => {
  it('holds one record a line once it is closed, whatever the texts in it', async () => {
    const path = join(scratch, 'metrics.jsonl');
    const sink = new JsonlSink(path);
    const records = Array.from({ length: 5_000 }, (_, index) => (index % 2 === 0 ? episode : fault));
    for (const record of records) sink.write(record);
    await sink.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(records);
  });

  it('says at its close what it could not write, and takes records until then', async () => {
    const sink = new JsonlSink(join(scratch, 'missing', 'metrics.jsonl'));
    sink.write(episode);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    sink.write(episode);
    await expect(sink.close()).rejects.toMatchObject({ code: 'ERR_RUN_DIRECTORY', cause: { code: 'ENOENT' } });
  });

  it('says at once that a line could not be written: a full disk ends a run, not only its last line', async () => {
    let failures = 0;
    const sink = new JsonlSink('/dev/full', () => failures++);
    sink.write(episode);
    const expected = { code: 'ERR_RUN_DIRECTORY', cause: { code: 'ENOSPC' } };
    await expect(sink.flush()).rejects.toMatchObject(expected);
    expect(failures).toBe(1);
    sink.write(episode);
    await expect(sink.close()).rejects.toMatchObject(expected);
    expect(failures).toBe(1);
  });

  it('says that everything before is written', async () => {
    const path = join(scratch, 'flushed.jsonl');
    const sink = new JsonlSink(path);
    sink.write(fault);
    await sink.flush();
    expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(fault)}\n`);
    await sink.close();
  });

  it('ignores records after its close', async () => {
    const path = join(scratch, 'closed.jsonl');
    const sink = new JsonlSink(path);
    sink.write(fault);
    await sink.close();
    sink.write(fault);
    await sink.close();
    expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(fault)}\n`);
  });
});

it('@METRIC lines leave episodes out', async () => {
  let text = '';
  const sink = new MetricLineSink({
    write: (line) => {
      text += line;
    },
  });
  sink.write(episode);
  sink.write(fault);
  await sink.close();
  expect(text).toBe(`@METRIC ${JSON.stringify(fault)}\n`);
});

it('the columns of a row do not overlap', () => {
  const shape = new EpochRowShape(3, [2, 0]);
  const firsts = [0, shape.agent(0), shape.agent(1), shape.agent(2), shape.policy(0), shape.policy(1), shape.width];
  const widths = firsts.slice(1).map((first, index) => first - firsts[index]);
  expect(widths).toEqual([7, 2, 2, 2, 11, 9]);
});
