import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const everything = [
  'trunks',
  ...['http', 'call', 'scheme', 'dial', 'acd', 'config', 'time'],
  ...['sip', 'media', 'history', 'events', 'redis', 'database', 'embedded', 'freeswitch', 'trunks', 'messages'],
];

/**
 * Imports point one way (CONTRIBUTING.md). What may import what is this table: the folder, or the file at the top, and what it may reach besides itself
 * and the `foundation`. A file means that file alone: a port, while the adapter behind it stays out of reach.
 */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'cli.ts': ['cli'],
  cli: ['config', 'engine.ts', 'scheme', 'simulator', 'replay', 'history/record.ts', 'time'],
  // Pure: a call without SIP, media and history but for the forms of these.
  replay: ['scheme', 'config', 'time', 'call/arrival.ts', 'call/decide.ts', 'history/record.ts'],
  // A composition root too: the call layer on a network, media and a clock that are none. No backend is in its reach.
  simulator: [
    ...['call', 'scheme', 'dial', 'acd', 'config', 'time', 'media'],
    ...['sip/port.ts', 'sip/identity.ts', 'history/record.ts', 'redis/registrations.ts'],
    'messages/voicemail/port.ts',
  ],
  // The composition root, and its part that fills the ports of http.
  'engine.ts': ['engine-http.ts', 'engine-events.ts', 'engine-acd.ts', 'engine-mailboxes.ts', ...everything],
  'engine-http.ts': ['engine-acd.ts', ...everything],
  // And its part that keeps the ACD in step with the rest.
  'engine-acd.ts': everything,
  // And its part between mailboxes and the phones that show them.
  'engine-mailboxes.ts': everything,
  // And its part that tells what happens to those who watch, in the same form.
  'engine-events.ts': ['engine-http.ts', ...everything],
  // Has ports of its own, which the composition root fills: it knows no call, no SIP and no Redis.
  http: [
    ...['config', 'history/record.ts', 'history/query.ts', 'time'],
    ...['messages/voicemail/query.ts', 'messages/voicemail/port.ts'],
  ],
  call: [
    'scheme',
    'dial',
    'acd',
    'config',
    'time',
    'sip/port.ts',
    'sip/identity.ts',
    'media/conference.ts',
    'media/port.ts',
    'media/recorder.ts',
    'media/sdp/direct.ts',
    'media/spoken.ts',
    'history/record.ts',
    'history/figures.ts',
    'history/open-call.ts',
    'messages/voicemail/port.ts',
  ],
  // Fills a port of the call layer, and makes calls of its own.
  'messages/fax': [
    ...['call', 'dial', 'config', 'time', 'database'],
    ...['sip/port.ts', 'media/port.ts', 'media/fax.ts', 'media/tiff-file.ts', 'history/record.ts'],
    ...['messages/outbox.ts', 'messages/texts', 'messages/files.ts'],
  ],
  scheme: ['config', 'time'],
  acd: ['dial', 'config', 'time', 'redis', 'media/spoken.ts'],
  dial: [
    ...['config', 'time', 'sip/port.ts', 'media/port.ts', 'media/sdp/direct.ts'],
    ...['redis/registrations.ts', 'history/record.ts'],
  ],
  'messages/recording': [
    'messages/files.ts',
    'messages/outbox.ts',
    'messages/texts',
    'call/recording.ts',
    'config',
    'database',
    'media/recorder.ts',
    'media/wav-file.ts',
    'time',
  ],
  'messages/voicemail': [
    ...['messages/files.ts', 'messages/outbox.ts', 'messages/texts'],
    ...['history/figures.ts', 'media/wav-file.ts', 'database', 'disk', 'time'],
  ],
  config: ['time', 'media/prompts/names.ts'],
  sip: ['config', 'time', 'redis/registrations.ts', 'redis/throttle.ts'],
  media: ['config', 'time'],
  history: ['redis', 'database', 'disk', 'time'],
  disk: ['time'],
  // Letters and text messages; `call/notices.ts` is a port of the call layer that it fills.
  messages: ['config', 'time', 'database', 'disk', 'call/notices.ts', 'media/prompts/speak-ru.ts'],
  trunks: ['dial/outgoing', 'dial/trunk-address.ts', 'sip/port.ts', 'redis', 'config', 'time'],
  events: ['redis', 'time'],
  redis: ['time'],
  database: ['time'],
  time: [],
  'embedded/sip': ['time'],
  freeswitch: [
    ...[
      'media/keypad.ts',
      'media/port.ts',
      'media/conference.ts',
      'media/fax.ts',
      'media/recorder.ts',
      'media/audio-length.ts',
      'media/sdp',
    ],
    ...['media/pause-watch.ts', 'sip/port.ts', 'time'],
  ],
  'embedded/media': [
    'media/sdp',
    'media/keypad.ts',
    'media/port.ts',
    'media/conference.ts',
    'media/fax.ts',
    'media/pause-watch.ts',
    'media/recorder.ts',
    'media/tiff-file.ts',
    'media/wav-file.ts',
    'time',
  ],
  'embedded/redis': ['embedded/directory-lock.ts', 'time'],
  'embedded/database': ['database/port.ts', 'embedded/directory-lock.ts', 'time'],
  'embedded/directory-lock.ts': [],
};

/** For everybody: words and small tools without any import of their own. */
const foundation = ['errors.ts', 'emitter.ts', 'end-reason.ts', 'thread-priority.ts', 'young-garbage.ts'];

/** Arrows against the table, each with its reason. One that is not needed any more makes the test fail. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: 'time', to: 'config/document.ts', why: 'the shape of a When is that of the document; a type alone' },
  { from: 'media/pbx-sounds.ts', to: 'call/sounds.ts', why: 'fills a port of the call layer; a type alone' },
  {
    from: 'sip/message.ts',
    to: 'embedded/sip/message',
    why: 'the one parser of SIP grammar: values without sockets or timers',
  },
];

/** Libraries that stay behind one folder: nobody else knows what we speak to the world with. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  xstate: ['scheme'],
  'drachtio-srf': ['sip'],
  ioredis: ['redis'],
  'drizzle-orm': ['database', 'history', 'messages'],
  pg: ['database'],
  '@electric-sql/pglite': ['embedded/database'],
  koffi: ['embedded', 'thread-priority.ts'],
  'mpg123-decoder': ['embedded/media'],
  'wasm-media-encoders': ['messages/recording'],
  'sdp-transform': ['media/sdp'],
  'drachtio-fsmrf': ['freeswitch'],
  'jsonc-parser': ['config'],
  'date-holidays': ['time'],
  'libphonenumber-js/max': ['config'],
  fastify: ['http'],
  'prom-client': ['http'],
  nodemailer: ['messages/mail'],
};

interface Import {
  /** Path below src. */
  readonly from: string;
  /** Path below src, or the name of a package. */
  readonly to: string;
  readonly isPackage: boolean;
  /** `import type`: gone before the program runs. */
  readonly typeOnly: boolean;
}

const src = join(import.meta.dirname, '../../src');
const imports = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap(importsOf);

/** Static and dynamic imports, and what is exported from elsewhere. */
function importsOf(from: string): Import[] {
  const text = readFileSync(join(src, from), 'utf8');
  const statics = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?'([^']+)'/gm);
  const dynamics = text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g);
  const named = [
    ...[...statics].map(([, type, name = '']) => ({ name, typeOnly: type !== undefined })),
    ...[...dynamics].map(([, name = '']) => ({ name, typeOnly: false })),
  ];
  return named.map(({ name, typeOnly }) => {
    const isPackage = !name.startsWith('.');
    return { from, to: isPackage ? name : relative(src, join(src, dirname(from), name)), isPackage, typeOnly };
  });
}

const isIn = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);

/** The entry of the table that a file belongs to: the longest one. */
const homeOf = (file: string): string | undefined =>
  [...Object.keys(arrows), ...foundation]
    .filter((place) => isIn(file, place))
    .sort((a, b) => b.length - a.length)
    .at(0);

const local = imports.filter(({ isPackage }) => !isPackage);

describe('imports between folders', () => {
  it('has a place in the table for every file', () => {
    const homeless = new Set(local.map(({ from }) => from).filter((file) => homeOf(file) === undefined));
    expect([...homeless]).toEqual([]);
  });

  it('go only where the table allows', () => {
    const used = new Set<object>();
    const wrong = local.filter(({ from, to }) => {
      const home = homeOf(from) ?? from;
      const allowed = [home, ...foundation, ...(arrows[home] ?? [])];
      if (allowed.some((place) => isIn(to, place))) return false;
      const exception = exceptions.find((one) => isIn(from, one.from) && isIn(to, one.to));
      if (exception) used.add(exception);
      return !exception;
    });
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
    expect(
      exceptions.filter((exception) => !used.has(exception)),
      'exceptions that nothing needs',
    ).toEqual([]);
  });

  it('the foundation rests on nothing', () => {
    expect(local.filter(({ from }) => foundation.includes(from)).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('have no cycles at run time', () => {
    expect(cycles(local.filter(({ typeOnly }) => !typeOnly)).map((cycle) => cycle.join(' → '))).toEqual([]);
  });
});

describe('libraries', () => {
  it('are known to one folder each', () => {
    const wrong = imports.filter(({ from, to, isPackage }) => {
      const owner = Object.keys(libraries).find((name) => isPackage && isIn(to, name));
      return owner !== undefined && !libraries[owner]?.some((place) => isIn(from, place));
    });
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });
});

/** Each file that comes back to itself, once, with the way there. */
function cycles(edges: readonly Import[]): string[][] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const state = new Map<string, 'open' | 'done'>();
  const found: string[][] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    const way = [...path, file];
    if (state.get(file) === 'open') {
      found.push(way.slice(way.indexOf(file)));
      return;
    }
    state.set(file, 'open');
    for (const { to } of next.get(file) ?? []) visit(to, way);
    state.set(file, 'done');
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}
