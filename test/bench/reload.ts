/** Reloads of large configurations, and how long they keep the calls of the node waiting: the longest turn of the event loop meanwhile. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ReloadThread } from '../../src/config/reload-thread.ts';
import { ConfigStore } from '../../src/config/store.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { Figure } from './figure.ts';

const SCHEMES = 10_000;
const SCHEMES_PER_FILE = 100;

export async function run(): Promise<Figure[]> {
  return [...(await reloading('one PBX', 1)), ...(await reloading('100 PBXs', 100))];
}

/** All files are new to the first load; then one of them is changed. */
async function reloading(name: string, pbxs: number): Promise<Figure[]> {
  await using folder = await temporaryFolder('bench');
  for (let pbx = 0; pbx < pbxs; pbx++) await writePbx(folder.path, pbx, SCHEMES / pbxs);
  const thread = new ReloadThread(folder.path);
  const store = new ConfigStore(folder.path, { reader: thread.read });
  const first = await timed(() => store.load());
  const reload = (change: string) =>
    timed(async () => {
      await writeFile(fileOf(folder.path, 0, 0), schemes(0, 0, change));
      const { accepted, issues } = await store.reload();
      if (!accepted) throw new Error(`the reload was refused: ${JSON.stringify(issues[0])}`);
    });
  // The thread reads everything once, then what has changed.
  const everything = await reload('changed');
  const change = await reload('changed again');
  await thread.close();
  return [
    { name: `first load of 10,000 schemes, ${name}`, value: first.ms, unit: 'ms' },
    { name: `first reload, ${name}`, value: everything.ms, unit: 'ms' },
    { name: `longest turn of the event loop meanwhile, ${name}`, value: everything.longestTurnMs, unit: 'ms' },
    { name: `reload with one file changed, ${name}`, value: change.ms, unit: 'ms' },
    { name: `longest turn of the event loop meanwhile, ${name}`, value: change.longestTurnMs, unit: 'ms' },
  ];
}

const RESOLUTION_MS = 1;

async function timed(work: () => Promise<void>): Promise<{ readonly ms: number; readonly longestTurnMs: number }> {
  const turns = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  turns.enable();
  const begun = performance.now();
  await work();
  const ms = performance.now() - begun;
  turns.disable();
  return { ms: Math.round(ms), longestTurnMs: Math.round(turns.max / 1e6) };
}

const fileOf = (folder: string, pbx: number, file: number): string => join(folder, `pbx${pbx}`, `schemes${file}.json`);

async function writePbx(folder: string, pbx: number, count: number): Promise<void> {
  await mkdir(join(folder, `pbx${pbx}`));
  const company = {
    pbx: { id: `pbx${pbx}`, domains: [`pbx${pbx}.example`] },
    groups: [{ id: 'sales', extension: '60', members: [{ employee: 'ivanov' }] }],
    employees: [
      {
        id: 'ivanov',
        extension: '61',
        accounts: [{ user: 'ivanov', domain: `pbx${pbx}.example`, password: 'Secret123' }],
      },
    ],
  };
  await writeFile(join(folder, `pbx${pbx}`, 'company.json'), JSON.stringify(company, null, 2));
  for (let file = 0; file * SCHEMES_PER_FILE < count; file++) {
    await writeFile(fileOf(folder, pbx, file), schemes(pbx, file, 'as first written'));
  }
}

const item = { steps: [{ forward: { group: 'sales' }, timeout: 20 }, { voicemail: {} }] };

/** Working hours with a menu of two, and another message for the rest. */
const schemes = (pbx: number, file: number, description: string): string =>
  JSON.stringify(
    {
      schemes: Array.from({ length: SCHEMES_PER_FILE }, (_, index) => ({
        id: `scheme-${pbx}-${file}-${index}`,
        extension: String(100_000 + file * SCHEMES_PER_FILE + index),
        description,
        branches: [
          {
            when: { days: ['workdays'], time: ['09:00-18:59'] },
            steps: [{ play: 'builtin:greeting', wait: true }],
            menu: { '1': item, '2': item },
            rules: { noInput: item },
          },
          { when: 'otherwise', steps: [{ play: 'builtin:closed', wait: true }] },
        ],
      })),
    },
    null,
    2,
  );
