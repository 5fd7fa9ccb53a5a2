/** The checker on large configurations: 10,000 schemes of one PBX, and long lists of masks. Reading them is measured beside it. */
import { check } from '../../src/config/check/index.ts';
import { parseJsonFile } from '../../src/config/json.ts';
import { merge } from '../../src/config/merge.ts';
import { validate } from '../../src/config/validate.ts';
import type { Figure } from './figure.ts';

const SCHEMES = 10_000;
const MASKS = 2_000;
const now = Date.parse('2026-11-25T12:00:00Z');

export async function run(): Promise<Figure[]> {
  return [
    ...(await measured('schemes alike, by working hours', pbx({ schemes: many(alike) }))),
    ...(await measured('schemes each with its own hours', pbx({ schemes: many(ownHours) }))),
    ...(await measured('schemes each with dates of its own', pbx({ schemes: many(ownDates) }))),
    ...(await measured('schemes that forward in one large circle', pbx({ schemes: many(circle) }))),
    ...(await measured('schemes that forward to three others', pbx({ schemes: many(tangle) }))),
    ...(await measured(`${MASKS} numbers and masks in a blacklist`, pbx({ screening: blacklist }))),
    ...(await measured(
      `${MASKS} prefixes and ${SCHEMES} forwards by region`,
      pbx({ schemes: many(byRegion), regionRules }),
    )),
  ];
}

const many = (scheme: (index: number) => object): object[] =>
  Array.from({ length: SCHEMES }, (_, index) => ({ id: `s${index}`, extension: extensionOf(index), ...scheme(index) }));

const extensionOf = (index: number): string => String(100_000 + (index % SCHEMES));

function pbx(more: object): object {
  return {
    pbx: { id: 'bench', domains: ['bench.example'], timezone: 'Europe/Berlin', country: 'DE' },
    groups: [{ id: 'sales', extension: '60', members: [{ employee: 'ivanov' }] }],
    employees: [{ id: 'ivanov', extension: '61', contacts: [{ phone: '79161234567' }] }],
    ...more,
  };
}

const item = { steps: [{ forward: { group: 'sales' }, timeout: 20 }, { voicemail: {} }] };
const open = {
  steps: [{ play: 'builtin:greeting', wait: true }],
  menu: { '1': item, '2': item },
  rules: { noInput: item },
};
const shut = { when: 'otherwise', steps: [{ play: 'builtin:closed', wait: true }] };

const alike = () => ({ branches: [{ when: { days: ['workdays'], time: ['09:00-18:59'] }, ...open }, shut] });

/** Some thousands of hours, mostly over midnight. */
function ownHours(index: number) {
  const minute = (n: number) =>
    `${String(Math.floor(n / 60) % 24).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`;
  const time = [`${minute(index)}-${minute(index * 7 + 480)}`];
  return {
    branches: [{ when: { days: ['workdays', 'sun'], time }, ...open }, { when: { days: ['holidays'] }, ...open }, shut],
  };
}

function ownDates(index: number) {
  const day = (n: number) => new Date(now + (n % 3000) * 86_400_000).toISOString().slice(0, 10);
  const dates = [day(index * 17), day(index * 31 + 7)];
  return {
    branches: [{ when: { dates, time: ['09:00-17:59'] }, ...open }, { when: { days: ['workdays'] }, ...open }, shut],
  };
}

const circle = (index: number) => ({ steps: [{ forward: { extension: extensionOf(index + 1) } }] });

/** By time of day, to two of them; the others are a day's walk away. */
const tangle = (index: number) => ({
  branches: [
    {
      when: { days: ['workdays'], time: ['09:00-18:59'] },
      steps: [{ forward: { extension: extensionOf(index * 3 + 1) } }],
    },
    { when: { days: ['weekend'] }, steps: [{ forward: { extension: extensionOf(index * 7 + 2) } }] },
    { when: 'otherwise', steps: [{ forward: { extension: extensionOf(index * 11 + 3) } }] },
  ],
});

const blacklist = {
  mode: 'blacklist',
  entries: Array.from({ length: MASKS }, (_, index) => ({
    number: index % 4 === 0 ? `7${900 + (index % 97)}${index}*` : String(79_000_000_000 + index * 7919),
  })),
};

const regionRules = [
  {
    id: 'home',
    rules: Array.from({ length: MASKS }, (_, index) => ({
      prefixes: [String(70_000 + index)],
      to: { group: 'sales' },
    })),
  },
];
const byRegion = () => ({ steps: [{ forwardByRegion: 'home' }, { voicemail: {} }] });

async function measured(name: string, document: object): Promise<Figure[]> {
  const text = new TextEncoder().encode(JSON.stringify(document));
  const begun = process.cpuUsage();
  const { root } = parseJsonFile('bench.json', '/bench.json', text);
  const merged = merge(root ? [root] : []).root;
  if (!merged) throw new Error('the document cannot be read');
  const read = await validate(merged);
  if (!read.whole) throw new Error(`the document is wrong: ${JSON.stringify(read.issues[0])}`);
  const reading = cpuMs(begun);
  const checking = process.cpuUsage();
  const issues = check(read, now);
  const spent = cpuMs(checking);
  return [
    { name: `reading: ${name}`, value: reading, unit: 'ms' },
    { name: `checking: ${name}`, value: spent, unit: 'ms' },
    { name: `  warnings: ${name}`, value: issues.length, unit: '' },
  ];
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return Math.round((user + system) / 1000);
}
