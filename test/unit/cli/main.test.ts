import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Terminal } from '../../../src/cli/command.ts';
import { main } from '../../../src/cli/main.ts';
import { table } from '../../../src/cli/table.ts';
import { fileSchemaText } from '../../../src/config/json-schema.ts';
import { readDiagram } from '../../support/mermaid-grammar.ts';
import { acme, Folder } from '../config/folder.ts';

async function run(argv: readonly string[], env: Terminal['env'] = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, { env, out: (text) => out.push(text), err: (text) => err.push(text), color: false });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('the command line', () => {
  it('lists its commands', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['start', 'check', 'schema', 'simulate', 'graph', 'status', 'calls'])
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect((await run(['help'])).out).toBe(out);
    expect(await run([])).toEqual({ code: 64, out: '', err: out });
  });

  it.each(['start', 'check', 'schema', 'simulate', 'graph', 'status', 'calls'])(
    'explains %s: usage, options, exit codes',
    async (name) => {
      const { code, out } = await run([name, '--help']);
      expect(code).toBe(0);
      expect(out).toContain(`Usage: kommutator ${name}`);
      expect(out).toContain('--config <folder>');
      expect(out).toMatch(/Exit codes:\n {2}0 /);
      expect(await run([name, '-h'])).toEqual({ code, out, err: '' });
      expect(await run(['help', name])).toEqual({ code, out, err: '' });
    },
  );

  it.each([
    [['chekc'], 'unknown command "chekc"', 'Did you mean "check"?'],
    [['frobnicate'], 'unknown command "frobnicate"', 'Commands: '],
    [['--version'], 'unknown option "--version"', 'Commands: '],
    [['check', '--jsn'], 'unknown option --jsn', 'Did you mean --json?'],
    [['check', '-x'], 'unknown option -x', 'See "kommutator check --help".'],
    [['check', '--json=yes'], '--json takes no value', 'See '],
    [['check', '--config'], '--config needs a value: --config <folder>', 'See '],
    [['check', 'a', 'b'], 'unexpected "b"', 'See '],
    [['check', '--toString'], 'unknown option --toString', 'See '],
  ])('does not guess at %j', async (argv, message, hint) => {
    const { code, out, err } = await run(argv);
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(err.split('\n')).toEqual([`kommutator: ${message}`, expect.stringContaining(hint)]);
  });
});

describe('graph', () => {
  const schemes = acme(`"schemes": [
    { "id": "main", "name": "Main *line*\\n# 1", "description": "1. for all", "menu": { "1": { "steps": [{ "hangup": true }] } } },
    { "id": "night", "steps": [{ "play": "builtin:closed", "wait": true }] }
  ], "numbers": [
    { "number": "74951234567", "scheme": "main", "source": { "passive": "a@acme.example" } },
    { "number": "74951234568", "scheme": "night", "source": { "passive": "b@acme.example" } }
  ]`);

  it('of one scheme is a diagram', async () => {
    await using folder = await Folder.with({ 'acme.json': schemes });
    const { code, out, err } = await run(['graph', 'acme', 'night', '--config', folder.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { states } = readDiagram(out);
    expect([...states.values()].map(({ text }) => text)).toContain('night:0 · plays «closed»');
  });

  it('of a PBX is a document with a diagram for each scheme', async () => {
    await using folder = await Folder.with({ 'acme.json': schemes });
    const { code, out } = await run(['graph', 'acme'], { KOMMUTATOR_CONFIG: folder.path });
    expect(code).toBe(0);
    const diagrams = [...out.matchAll(/```mermaid\n(.*?)\n```/gs)].map(([, diagram = '']) => readDiagram(diagram));
    expect(diagrams.map(({ states }) => states.has('s_main__start'))).toEqual([true, false]);
    expect(
      out
        .replaceAll(/```mermaid.*?```/gs, '')
        .split('\n')
        .filter(Boolean),
    ).toEqual(['# acme', '## Main \\*line\\* \\# 1 (main)', '1\\. for all', '## night']);
  });

  it.each([
    [[], 64, 'which PBX? Its id comes first', 'See "kommutator graph --help".'],
    [['acme', 'main', 'x'], 64, 'unexpected "x"', 'See "kommutator graph --help".'],
    [['acne'], 1, 'there is no PBX "acne" in ', 'Did you mean "acme"?'],
    [['other'], 1, 'there is no PBX "other" in ', 'There is "acme".'],
    [['acme', 'mian'], 1, 'acme has no scheme "mian"', 'Did you mean "main"?'],
    [['acme', 'holidays'], 1, 'acme has no scheme "holidays"', 'There is "main" and "night".'],
  ])('of %j there is none', async (operands, expected, message, hint) => {
    await using folder = await Folder.with({ 'acme.json': schemes });
    const { code, out, err } = await run(['graph', ...operands, '--config', folder.path]);
    expect({ code, out }).toEqual({ code: expected, out: '' });
    expect(err.split('\n')).toEqual([expect.stringContaining(message), `  ${hint}`]);
  });

  it('of a broken folder tells its errors', async () => {
    await using folder = await Folder.with({ 'acme.json': acme('"schemes": [{ "id": "main", "step": [] }]') });
    const { code, out, err } = await run(['graph', 'acme', '--config', folder.path]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('"steps"');
  });
});

describe('check', () => {
  const files = {
    clean: acme(''),
    warned: acme('"groups": [{ "id": "sales", "extension": "50" }]'),
    broken: acme('"groups": [{}, { "id": "sales" }]'),
  };

  it.each([
    ['clean', [], 0, '0 errors, 0 warnings in acme'],
    ['clean', ['--strict'], 0, '0 errors, 0 warnings in acme'],
    ['warned', [], 0, '0 errors, 1 warning in acme'],
    ['warned', ['--strict'], 2, '0 errors, 1 warning in acme'],
    ['broken', [], 1, '1 error, 0 warnings'],
    ['broken', ['--strict'], 1, '1 error, 0 warnings'],
  ] as const)('of a %s folder with %j ends with %i', async (name, options, expected, summary) => {
    await using folder = await Folder.with({ 'acme.json': files[name] });
    const { code, out, err } = await run(['check', folder.path, ...options]);
    expect(code).toBe(expected);
    expect(err).toBe('');
    expect(out.split('\n').at(-1)).toBe(`${folder.path}: ${summary}`);
  });

  it('prints an array with --json, an empty one too', async () => {
    await using folder = await Folder.with({ 'acme.json': files.broken });
    const { code, out } = await run(['check', '--json', '--config', folder.path]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual([
      {
        severity: 'error',
        code: 'missing-key',
        file: `${folder.path}/acme.json`,
        line: 3,
        column: 12,
        path: 'groups[0].id',
        message: '"id" is missing',
        hint: null,
      },
    ]);
    await folder.write({ 'acme.json': files.clean });
    expect(await run(['check', '--json'], { KOMMUTATOR_CONFIG: folder.path })).toEqual({ code: 0, out: '[]', err: '' });
  });

  it('takes the folder from the argument, then --config, then the environment', async () => {
    await using folder = await Folder.with({
      'a/acme.json': files.clean,
      'b/acme.json': files.broken,
      'c/acme.json': files.broken,
    });
    const at = (name: string) => join(folder.path, name);
    expect((await run(['check', at('a'), '--config', at('b')], { KOMMUTATOR_CONFIG: at('c') })).code).toBe(0);
    expect((await run(['check', '--config', at('a')], { KOMMUTATOR_CONFIG: at('c') })).code).toBe(0);
    expect((await run(['check'], { KOMMUTATOR_CONFIG: at('a') })).code).toBe(0);
  });

  it('says that a folder does not exist', async () => {
    const { code, out } = await run(['check', '/nonexistent']);
    expect(code).toBe(1);
    expect(out).toContain('/nonexistent: error unreadable');
  });
});

describe('schema', () => {
  it('is written into the folder, or printed', async () => {
    await using folder = await Folder.with({ 'acme.json': acme('') });
    expect((await run(['schema', '--config', folder.path])).code).toBe(0);
    expect(await readFile(join(folder.path, 'schema.json'), 'utf8')).toBe(fileSchemaText());
    expect((await run(['schema', '--stdout'])).out).toBe(fileSchemaText().trimEnd());
    expect((await run(['check', folder.path])).code).toBe(0);
  });
});

describe('tables', () => {
  it('are aligned, numbers to the right, gaps as dashes', () => {
    const text = table(
      [
        ['FROM', ({ from }) => from],
        ['TALK', ({ talk }) => talk],
        ['ID', ({ id }) => id],
      ],
      [
        { from: '74951234567', talk: 7, id: 'a' },
        { from: '', talk: 120, id: 'b' },
      ],
    );
    expect(text).toBe(['FROM         TALK  ID', '74951234567     7  a', '-             120  b'].join('\n'));
  });
});
