import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Duty } from '../../src/thread-priority.ts';
import { Engine } from '../support/engine-process.ts';
import type { Asked } from '../support/priority-asker.ts';
import { type Schedule, scheduleOf } from '../support/schedule.ts';
import { temporaryFolder } from '../support/temp.ts';

/** Whether whoever runs the tests may have real time, by a program that is not ours. */
const mayHaveRealTime = spawnSync('chrt', ['--rr', '1', 'true']).status === 0;
/** The same user without that right. */
const withoutRight = mayHaveRealTime ? ['setpriv', '--bounding-set=-sys_nice', '--inh-caps=-sys_nice'] : [];

const normal: Schedule = { policy: 'normal', priority: 0, nice: 0 };
const preferred: Schedule = { ...normal, nice: constants.priority.PRIORITY_HIGH };
const realTime = (priority: number): Schedule => ({ policy: 'round robin', priority, nice: 0 });

describe.runIf(process.platform === 'linux')('real time', () => {
  it.runIf(mayHaveRealTime)('is what threads of the engine have that calls wait for, and no other', async () => {
    await using folder = await temporaryFolder('priorities');
    await using engine = await Engine.start({ config: 'schemes', varDir: folder.path, media: 'embedded' });
    const { pid } = engine.program.child;
    if (pid === undefined) throw new Error('the engine has no pid');
    await engine.program.lines.find('the end of the start', (line) => line.includes('calls have real-time priority'));
    const redis = readFileSync(join(folder.path, 'redis', 'redis.pid'), 'utf8').trim();

    const tasks = `/proc/${pid}/task`;
    const main = scheduleOf(`${tasks}/${pid}`);
    const others = readdirSync(tasks).filter((id) => id !== String(pid));
    const schedules = others.map((id) => scheduleOf(`${tasks}/${id}`));
    const withPriority = (priority: number) => schedules.filter((one) => one.priority === priority);
    const [sip, media] = [withPriority(12), withPriority(20)];

    expect(main).toEqual(realTime(10));
    expect(scheduleOf(`/proc/${redis}`)).toEqual(realTime(12));
    expect(sip).toEqual(engine.drachtio ? [] : [realTime(12)]);
    expect(media).toContainEqual(realTime(20));
    expect(withPriority(0)).toHaveLength(others.length - sip.length - media.length);
  });

  it('is asked for and not had by one who may not', () => {
    expect(ask('calls', withoutRight)).toEqual({ granted: false, itself: normal, started: normal });
    expect(ask('audio', withoutRight)).toEqual({ granted: false, itself: normal, started: normal });
  });

  it.runIf(mayHaveRealTime)('is not inherited', () => {
    expect(ask('signalling', [])).toEqual({ granted: true, itself: realTime(12), started: normal });
  });

  it('is not asked for where threads that have it would wait for others at a garbage collection', () => {
    expect(ask('calls', [], [])).toEqual({ granted: false, itself: normal, started: normal });
  });

  it.runIf(mayHaveRealTime)('has a substitute for audio, which is inherited', () => {
    expect(ask('audio', [], [])).toEqual({ granted: false, itself: preferred, started: preferred });
  });
});

/** What a process gets that asks. */
function ask(duty: Duty, launcher: readonly string[], flags: readonly string[] = ['--single-threaded-gc']): Asked {
  const asker = join(import.meta.dirname, '../support/priority-asker.ts');
  const [program = '', ...args] = [...launcher, process.execPath, ...flags, asker, duty];
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));
}
