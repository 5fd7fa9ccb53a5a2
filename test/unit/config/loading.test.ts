import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { acme, Folder, load, wav } from './folder.ts';

const shown = ({
  file,
  line,
  column,
  code,
  path,
}: {
  file: string;
  line: number;
  column: number;
  code: string;
  path: string;
}) => `${file}:${line}:${column} ${code} ${path}`;

describe('files of one PBX', () => {
  it('are parts of one document: objects merge, arrays concatenate', async () => {
    const { versions, errors } = await load({
      'acme/a.json': { pbx: { id: 'acme', domains: ['a.example'] }, rooms: [{ id: 'one' }] },
      'acme/deeper/b.json': {
        pbx: { name: 'Acme', domains: ['b.example'] },
        rooms: [{ id: 'two' }],
        conference: { maxTotal: 10 },
      },
      'acme/deeper/c.json': { conference: { maxParticipants: 5 } },
    });
    expect(errors).toEqual([]);
    expect(versions[0]?.document).toMatchObject({
      pbx: { id: 'acme', name: 'Acme', domains: ['a.example', 'b.example'] },
      rooms: [{ id: 'one' }, { id: 'two' }],
      conference: { maxParticipants: 5, maxTotal: 10 },
    });
  });

  it('may each name their schema', async () => {
    const { errors } = await load({
      'acme/a.json': { $schema: '../schema.json', pbx: { id: 'acme', domains: ['a.example'] } },
      'acme/b.json': { $schema: '../schema.json' },
    });
    expect(errors).toEqual([]);
  });

  it('must not set the same key twice: both places are named', async () => {
    const { errors } = await load({
      'acme/a.json': '{ "pbx": { "id": "acme", "name": "Acme", "domains": ["a.example"] } }',
      'acme/b.json': '{\n  "pbx": { "name": "Acme" } }',
    });
    expect(errors.map(shown)).toEqual(['acme/b.json:2:12 set-twice pbx.name']);
    expect(errors[0]?.message).toBe('"name" is already set at acme/a.json:1:34');
  });

  it('must not give one key different kinds of values', async () => {
    const { errors } = await load({ 'acme/a.json': acme('"rooms": []'), 'acme/b.json': { rooms: {} } });
    expect(errors.map(shown)).toEqual(['acme/b.json:1:2 set-twice rooms']);
    expect(errors[0]?.message).toBe('"rooms" is an object here, but a list at acme/a.json:3:10');
  });

  it('share their ids: the same one twice names both places', async () => {
    const { errors } = await load({
      'acme/a.json': acme('"rooms": [{ "id": "board" }]'),
      'acme/b.json': '{ "rooms": [{ "id": "tea" }, { "id": "board" }] }',
    });
    expect(errors.map(shown)).toEqual(['acme/b.json:1:38 duplicate-name rooms[1].id']);
    expect(errors[0]?.message).toBe('Room "board" is already taken at acme/a.json:3:19');
  });

  it('name an issue by its own path, not by that of the merged document', async () => {
    const { errors } = await load({
      'acme/a.json': acme('"rooms": [{ "id": "one" }, { "id": "two" }]'),
      'acme/b.json': '{ "rooms": [{ "id": "three", "seats": 1 }] }',
    });
    expect(errors.map(shown)).toEqual(['acme/b.json:1:39 out-of-range rooms[0].seats']);
  });

  it('see each other in references', async () => {
    const { errors } = await load({
      'acme/a.json': acme('"groups": [{ "id": "sales", "members": [{ "employee": "ivanov" }] }]'),
      'acme/people.json': { employees: [{ id: 'ivanov' }] },
    });
    expect(errors).toEqual([]);
  });
});

describe('a folder', () => {
  it('holds a PBX per child, and things that are none', async () => {
    const { versions, errors } = await load({
      'acme.json': acme(''),
      'globex/pbx.json': { pbx: { id: 'globex', domains: ['globex.example'] } },
      'schema.json': '{}',
      'README.md': '# Phones',
      'audio/welcome.wav': wav(),
      '.hidden.json': 'no JSON',
      '.git/config.json': 'no JSON',
      'acme.json~': 'no JSON',
      'globex/notes.txt': 'no JSON',
    });
    expect(errors).toEqual([]);
    expect(versions.map(({ id }) => id)).toEqual(['acme', 'globex']);
  });

  it('may be made of symbolic links, even in a circle', async () => {
    await using folder = await Folder.with({ 'real/acme.json': acme(''), 'config/empty.txt': '' });
    await symlink(join(folder.path, 'real'), join(folder.path, 'config', 'acme'));
    await symlink(join(folder.path, 'real'), join(folder.path, 'real', 'again'));
    const { versions, issues } = await loadConfig(join(folder.path, 'config'));
    expect(issues).toEqual([]);
    expect(versions.map(({ id }) => id)).toEqual(['acme']);
  });

  it('that is not there is said to be so', async () => {
    const { issues } = await loadConfig('/nonexistent/schemes');
    expect(issues).toEqual([
      {
        severity: 'error',
        code: 'unreadable',
        file: '/nonexistent/schemes',
        line: 0,
        column: 0,
        path: '',
        message: 'Does not exist',
        hint: 'Name the folder with --config or KOMMUTATOR_CONFIG.',
      },
    ]);
  });

  it('without a PBX is an error', async () => {
    expect((await load({ 'README.md': '' })).errors.map(({ code }) => code)).toEqual(['no-pbx']);
  });
});

describe('all errors of a load', () => {
  it('are reported together, by file and place', async () => {
    const { errors, versions } = await load({
      'zeta.json': '{ "pbx": { "id": "zeta", "domains": [] } }',
      'acme/people.json':
        '{ "employees": [\n { "id": "a", "ring": "twice" },\n { "id": "a", "supervises": ["nobody"] }\n] }',
      'acme/broken.json': acme(
        '"groups": [{ "id": "g", "members": [{ "employee": "b" }, { "employee": 7 }] }], "rooms": [,]',
      ),
      'beta.json': acme('"sms": {}, "rooms": [{ "id": "r" }],'),
    });
    expect(versions).toEqual([]);
    expect(errors.map(shown)).toEqual([
      'acme/broken.json:3:91 json-syntax ',
      'beta.json:3:8 missing-key sms.gateway',
      'beta.json:3:8 missing-key sms.missedText',
      'beta.json:3:8 missing-key sms.sender',
      'beta.json:3:36 trailing-comma ',
      'zeta.json:1:37 wrong-count pbx.domains',
    ]);
  });

  it('include those of entries beside a broken one, and hold warnings back', async () => {
    const keys = `"groups": [{ "id": "empty" }, { "id": "odd", "ringTime": 0 }],
"schemes": [
  { "id": "main", "steps": [{ "forward": { "group": "sales" } }], "extension": 5 },
  { "id": "night", "extension": "88", "end": "mainMenu" },
  { "id": "day", "extension": "88", "steps": [{ "play": "hello" }] }
]`;
    const { issues } = await load({ 'acme.json': acme(keys) });
    expect(issues.map(shown)).toEqual([
      'acme.json:3:58 out-of-range groups[1].ringTime',
      'acme.json:5:53 dangling-reference schemes[0].steps[0].forward.group',
      'acme.json:5:80 wrong-type schemes[0].extension',
      'acme.json:6:46 not-allowed-here schemes[1].end',
      'acme.json:7:31 duplicate-name schemes[2].extension',
      'acme.json:7:57 dangling-reference schemes[2].steps[0].play',
    ]);
  });
});

describe('files that are hardly JSON', () => {
  const utf8 = (text: string) => new TextEncoder().encode(text);
  it.each<[string, string | Uint8Array, string, string | RegExp]>([
    ['nothing at all', '', 'acme.json:0:0 empty-file ', 'The file is empty'],
    ['only a comment', '// later\n', 'acme.json:0:0 empty-file ', 'The file is empty'],
    ['a list', '[]', 'acme.json:1:1 wrong-type ', 'A file must hold one object: { … }'],
    [
      'a byte order mark',
      new Uint8Array([0xef, 0xbb, 0xbf, ...utf8('{}')]),
      'acme.json:0:0 byte-order-mark ',
      'The file starts with a byte order mark',
    ],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 'acme.json:0:0 not-utf8 ', 'The file is in UTF-16'],
    [
      'Latin-1',
      new Uint8Array([...utf8('{\n"a": "caf'), 0xe9, ...utf8('"}')]),
      'acme.json:2:10 not-utf8 ',
      'The file is not valid UTF-8 from here on',
    ],
    ['an open brace', '{ "pbx": {', 'acme.json:1:11 json-syntax ', 'A "{" is not closed: expected "}"'],
    ['an open text', '{ "pbx": "acme\n}', 'acme.json:1:10 json-syntax ', /^A text is not closed/],
    ['an open comment', '{ } /* ', 'acme.json:1:5 json-syntax ', /^A comment is not closed/],
    ['a bad escape', '{ "pbx": "\\x" }', 'acme.json:1:10 json-syntax ', /does not exist in JSON/],
    ['a key without a value', '{ "pbx": }', 'acme.json:1:10 json-syntax ', 'Expected a value, found "}"'],
    ['a key without quotes', '{ pbx: {} }', 'acme.json:1:3 json-syntax ', /^Expected/],
    ['two objects', '{} {}', 'acme.json:1:4 json-syntax ', /^Expected the end of the file/],
    ['undefined', '{ "pbx": undefined }', 'acme.json:1:10 json-syntax ', /^Expected a value/],
    ['a hundred thousand brackets', '['.repeat(100_000), 'acme.json:1:101 json-syntax ', /^Brackets nest deeper/],
    ['a hundred thousand objects', '{"a":'.repeat(100_000), 'acme.json:1:501 json-syntax ', /^Brackets nest deeper/],
  ])('%s', async (_, content, place, message) => {
    const { errors } = await load({ 'acme.json': content });
    expect(errors.map(shown)).toEqual([place]);
    expect(errors[0]?.message).toMatch(message);
  });

  it('counts columns as editors do, whatever the line ends', async () => {
    const { errors } = await load({
      'acme.json': acme('"rooms": [\r\n{ "id": "😀ё", "x": 1 }]').replaceAll('\n', '\r\n').replaceAll('\r\r', '\r'),
    });
    expect(errors.map(shown)).toEqual([
      'acme.json:4:9 bad-format rooms[0].id',
      'acme.json:4:16 unknown-key rooms[0].x',
    ]);
  });
});

describe('audio files', () => {
  const audio = (file: string) => acme(`"audio": [{ "id": "a", "file": ${JSON.stringify(file)} }]`);
  const mp3 = new Uint8Array([0xff, 0xfb, 0x90, 0x64, 0, 0]);
  const extensible = new Uint8Array(80);
  extensible.set(wav(0xfffe).subarray(0, 36));
  extensible[16] = 40;
  extensible[44] = 1;

  it.each<[string, Uint8Array, string | RegExp | undefined]>([
    ['WAV PCM', wav(), undefined],
    ['WAV with the extensible header', extensible, undefined],
    ['MP3', mp3, undefined],
    ['MP3 with a tag', new TextEncoder().encode('ID3\u0004'), undefined],
    ['A-law WAV', wav(6), /another coding than PCM \(format 6\)/],
    ['a cut WAV', wav().subarray(0, 20), /damaged WAV/],
    ['Ogg', new TextEncoder().encode('OggS'), /neither WAV nor MP3/],
    ['nothing', new Uint8Array(), /neither WAV nor MP3/],
    ['21 MB', new Uint8Array(21 * 1024 * 1024), /has 21 MB, 20 MB are allowed/],
  ])('%s', async (_, content, problem) => {
    const { errors } = await load({ 'acme/main.json': audio('a.wav'), 'acme/a.wav': content });
    if (problem === undefined) expect(errors).toEqual([]);
    else expect(errors[0]?.message).toMatch(problem);
  });

  it('are found relative to the file that names them', async () => {
    await using folder = await Folder.with({
      'acme/deeper/main.json': audio('../sounds/a.wav'),
      'acme/sounds/a.wav': wav(),
    });
    const { versions } = await loadConfig(folder.path);
    expect(versions[0]?.audio('a')).toEqual({ file: join(folder.path, 'acme/sounds/a.wav') });
    expect(versions[0]?.audio('builtin:music')).toEqual({ builtin: 'music' });
    expect(versions[0]?.audio('b')).toBeUndefined();
  });

  it('that are a folder are refused', async () => {
    const { errors } = await load({ 'acme/main.json': audio('a'), 'acme/a/x.txt': '' });
    expect(errors[0]?.message).toBe('"a" is a folder');
  });
});

describe('PBXs of one installation', () => {
  const pbx = (id: string, keys: object = {}) => ({ pbx: { id, domains: [`${id}.example`] }, ...keys });

  it('have ids, domains, numbers and SIP lines of their own', async () => {
    const line = (number: string) => ({ number, source: { passive: 'line@both.example' } });
    const { errors } = await load({
      'a.json': pbx('a', { numbers: [{ number: '74951234567' }, line('74950000001')] }),
      'b.json': {
        pbx: { id: 'a', domains: ['b.example', 'A.example'] },
        numbers: [{ number: '74951234567' }, line('74950000002')],
      },
    });
    expect(errors.map(({ file, path, message }) => `${file} ${path} ${message}`)).toEqual([
      'b.json pbx.id PBX id "a" is already taken at a.json:1:14',
      'b.json pbx.domains[1] Domain "A.example" is already taken at a.json:1:29',
      'b.json numbers[0].number Number "74951234567" is already taken at a.json:1:64',
      'b.json numbers[1].source.passive SIP line "line@both.example" is already taken at a.json:1:123',
    ]);
  });

  it('are connected by trunks whose two ends name each other', async () => {
    const trunk = (id: string, other: string, theirs: string) => ({
      trunks: [{ id, kind: 'internal', peer: { pbx: other, trunk: theirs } }],
    });
    const right = await load({
      'a.json': pbx('a', trunk('to-b', 'b', 'to-a')),
      'b.json': pbx('b', trunk('to-a', 'a', 'to-b')),
    });
    expect(right.issues).toEqual([]);

    const wrong = await load({
      'a.json': pbx('a', trunk('to-b', 'b', 'to-a')),
      'b.json': pbx('b', trunk('to-a', 'c', 'to-b')),
      'c.json': pbx('c', { trunks: [{ id: 'to-b', host: '192.0.2.1', prefix: '8' }] }),
    });
    expect(wrong.errors.map(({ file, path, message }) => `${file} ${path} ${message}`)).toEqual([
      'a.json trunks[0].peer Trunk "to-a" of PBX "b" names "to-b" of "c" as its peer, not this one',
      'b.json trunks[0].peer Trunk "to-b" of PBX "c" is not internal',
    ]);

    const itself = await load({ 'a.json': pbx('a', trunk('to-b', 'a', 'to-b')) });
    expect(itself.errors.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'trunks[0].peer The trunk names itself as its peer',
    ]);
  });

  it.each([
    { how: 'its source says so', numbers: [], source: { source: { trunk: 'to-a' } } },
    { how: 'the trunk lists it', numbers: [{ number: '74951234567' }], source: {} },
  ])('share a number that the one passes on to the other over an internal trunk: $how', async ({ numbers, source }) => {
    const trunk = (id: string, other: string, theirs: string) => ({
      id,
      kind: 'internal',
      peer: { pbx: other, trunk: theirs },
    });
    const schemes = [{ id: 'main', steps: [{ hangup: true }] }];
    const { errors, versions } = await load({
      'a.json': pbx('a', { numbers: [{ number: '74951234567' }], trunks: [trunk('to-b', 'b', 'to-a')] }),
      'b.json': pbx('b', {
        numbers: [{ number: '74951234567', scheme: 'main', ...source }],
        schemes,
        trunks: [{ ...trunk('to-a', 'a', 'to-b'), numbers }],
      }),
    });
    expect(errors).toEqual([]);
    expect(versions.map((version) => version.line('74951234567')?.trunk?.id)).toEqual([undefined, 'to-a']);
  });
});
