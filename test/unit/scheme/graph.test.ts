import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompiledScheme } from '../../../src/scheme/compile.ts';
import { type Graph, graphOf } from '../../../src/scheme/graph.ts';
import { mermaid } from '../../../src/scheme/mermaid.ts';
import { schemesOf } from '../../../src/scheme/schemes.ts';
import { manualExample } from '../../support/manual-example.ts';
import { readDiagram } from '../../support/mermaid-grammar.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

function compiledOf(document: Record<string, unknown>, id = 'main'): CompiledScheme {
  const compiled = schemesOf(pbxOf(document)).get(id);
  if (!compiled) throw new Error(`no scheme ${id}`);
  return compiled;
}

/** Arrows as `from → to: text`, by what is shown of the states. */
function shown(compiled: CompiledScheme): string[] {
  const { states, arrows } = readDiagram(mermaid(graphOf(compiled)));
  const name = (id: string) => states.get(id)?.text.split(' · ')[0] ?? id;
  return arrows.map(({ from, to, text }) => `${name(from)} → ${name(to)}${text && `: ${text}`}`);
}

const texts = (compiled: CompiledScheme): string[] =>
  [...readDiagram(mermaid(graphOf(compiled))).states.values()].map(({ text }) => text);

/** Text in one line, without what no letter stands for. */
const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

const every = {
  employees: [employee('ivanov', '451', { name: 'Иван Иванов' }), employee('petrov', '4512')],
  groups: [{ id: 'sales', name: 'Отдел «Продажи»', extension: '505' }],
  trunks: [{ id: 'office', name: 'Office', host: '127.0.0.1', prefix: '88' }],
  audio: [{ id: 'welcome', file: 'welcome.wav', name: 'Добро пожаловать' }],
  regionRules: [{ id: 'regions', rules: [{ name: '1. Москва', prefixes: ['7495'], to: { group: 'sales' } }] }],
};

describe('the graph of a scheme', () => {
  const main = {
    id: 'main',
    name: 'Главная',
    branches: [
      {
        when: { days: ['workdays'], time: ['09:00-18:59'] },
        steps: [
          { play: 'welcome', wait: true, repeat: 'once' },
          { forward: { employee: 'ivanov', contact: 'main' }, timeout: 20 },
        ],
        menu: {
          '1': { password: '8361', steps: [{ forward: { group: 'sales' } }] },
          '*': { steps: [{ forward: { scheme: 'other' } }] },
          '#': { steps: [{ forwardByRegion: 'regions' }, { voicemail: { to: ['a@acme.example'] } }] },
        },
        rules: {
          disa: { steps: [] },
          fax: { to: ['fax@acme.example'] },
          noInput: { after: 7, end: 'mainMenu' },
          invalidInput: { attempts: 2, steps: [{ hangup: true }] },
          wrongPassword: { steps: [{ voicemail: {} }] },
        },
      },
      { when: 'otherwise', steps: [{ play: 'builtin:closed' }] },
    ],
  };
  const compiled = compiledOf({
    ...every,
    schemes: [main, { id: 'other', name: 'Другая', extension: '885', steps: [] }],
  });

  it.each([
    'main · Главная',
    'main/workdays · on working days, 09:00–18:59',
    'main/otherwise · at any other time',
    'main/workdays:0:first · plays «Добро пожаловать»',
    'main/workdays:1 · calls Иван Иванов (main), at most 20 s',
    'main/workdays/1 · key 1',
    'main/workdays/1:password · asks for a password',
    'main/workdays/1:0 · calls group «Отдел «Продажи»»',
    'main/workdays/*:0 · goes on in scheme «Другая»',
    'main/workdays/#:1 · takes a message for a@acme.example',
    'main/workdays/fax · receives a fax for fax@acme.example',
    'main/workdays/noInput · nothing was pressed',
    'main/workdays/noInput:end · the branch ends',
    'main/otherwise:0 · starts to play «closed»',
    'scheme «Другая»',
    'group «Отдел «Продажи»»',
    'Иван Иванов (main)',
  ])('names %s', (text) => expect(texts(compiled)).toContain(text));

  it.each([
    '[*] → main:start',
    'main → main/workdays: on working days, 09:00–18:59',
    'main → main/otherwise',
    'main/workdays → main/workdays/*: key *',
    'main/workdays → main/workdays/1:password: key 1',
    'main/workdays/1:password:complete → main/workdays/1: the right password',
    'main/workdays/1:password:complete → main/workdays/wrongPassword: for the 3rd time',
    'main/workdays → main/workdays/invalidInput: anything else is pressed, for the 2nd time',
    'main/workdays → main/workdays/fax: the tone of a fax is heard',
    'main/workdays → main/workdays:dialled: an extension is dialled, or a number behind a trunk is dialled',
    'main/workdays → the scheme that was dialled: a scheme is dialled',
    'main/workdays:waiting → main/workdays/noInput: nothing is pressed for 7 s',
    'main/workdays/noInput:end → main: back to the main menu',
    'main/workdays:1 → Иван Иванов (main): somebody answers',
    'main/workdays:1 → main/workdays:waiting: nobody is reached',
    'main/workdays/*:0 → scheme «Другая»',
    'main/workdays/#:0:region → main/workdays/#:0:0: 1. Москва',
    'in any state → main:ended: the caller has hung up',
    'main:ended → [*]',
  ])('shows the way %s', (arrow) => expect(shown(compiled)).toContain(arrow));

  it('shows no password', () => expect(mermaid(graphOf(compiled))).not.toContain('8361'));
});

it('the worked example of §4.4.2.1, with its Russian names and addresses, is a diagram', () => {
  expect(shown(compiledOf(manualExample()))).toEqual(
    expect.arrayContaining([
      'main:start → main/workdays: on working days, 09:00–18:59',
      'main/workdays → main/workdays/2: key 2',
      'main/workdays/2:0 → main/workdays/2:1: nobody is reached',
      'main/workdays:waiting → main/workdays/noInput: nothing is pressed for 10 s',
    ]),
  );
});

describe('names that Mermaid would trip over', () => {
  const traps = [
    'end',
    'state',
    'note',
    '[*]',
    'say "hello"; then # 5: done',
    'direction LR',
    'a --> b',
    '%% comment %%{init: {}}%%',
    '<b onclick="x()">bold</b> & <<fork>> [[choice]]',
    'style x:y#1;',
    'classDef x:#f00;',
    '**bold** _and_ `code` ~~no~~ [link](http://acme.example) www.acme.example a@acme.example',
    '1. first',
    '2) second',
    '- list',
    '{ } | \\ $& #quot; &amp; #35;',
    'at 09:00, 9:5 and 10:00#, 12:34:56 style 10:00#1;',
    'tab\tand\nline',
    'Ёлка № 5 «ночь» — 10 %',
    '☎️ 👩‍💻 ﬂ°°35¶ß',
    ':::class',
  ];

  it.each(traps)('%j is shown as it is', (name) => {
    const compiled = compiledOf({
      ...every,
      groups: [{ id: 'sales', name, extension: '505' }],
      schemes: [{ id: 'main', name, steps: [{ forward: { group: 'sales' } }, { forwardByRegion: 'regions' }] }],
      regionRules: [{ id: 'regions', rules: [{ name, prefixes: ['7'], to: { group: 'sales' } }] }],
    });
    const plain = oneLine(name);
    expect(texts(compiled)).toEqual(expect.arrayContaining([`main · ${plain}`, `group «${plain}»`]));
    expect(shown(compiled)).toContain(`main:1:region → main:1:0: ${plain}`);
  });

  it('any name at all', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.array(fc.constantFrom(...traps)).map((all) => all.join(' ')),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const graph: Graph = {
          nodes: [{ id: 'main', text, kind: 'state' }],
          arrows: [{ from: 'main', to: 'main', text }],
        };
        const { states, arrows } = readDiagram(mermaid(graph));
        const plain = oneLine(text);
        expect([...states.values()].map((state) => state.text)).toEqual([plain === '' ? 'main' : `main · ${plain}`]);
        expect(arrows.map((arrow) => arrow.text)).toEqual([plain]);
      }),
      { numRuns: 300 },
    );
  }, 30_000);

  it.each(['end', 'state', 'constructor', '__proto__', 'схема', 'a.b', 'a-b_c'])('a scheme with the id %s', (id) => {
    if (!/^[\p{L}\p{N}]/u.test(id)) return expect(() => compiledOf({ schemes: [{ id, steps: [] }] }, id)).toThrow();
    const compiled = compiledOf({ schemes: [{ id, menu: { '1': { steps: [] } } }] }, id);
    expect(texts(compiled)).toEqual(expect.arrayContaining([`${id}/1 · key 1`, `${id}:ended · the call ends`]));
  });
});

describe('the grammar', () => {
  it.each([
    ['state "a" as end', 'a name that cannot be had'],
    ['state "a "b" c" as x', 'not understood'],
    ['state "a; b" as x', 'a bare # or ;'],
    ['state "a # b" as x', 'a bare # or ;'],
    ['state "direction LR" as x', 'means something else'],
    ['state "*a*" as x', 'Markdown'],
    ['state "a" as x {', 'is not closed'],
    ['}', 'closes nothing'],
    ['x --> y', 'not declared'],
    ['[*] --> [*]', 'from nowhere to nowhere'],
    ['state "a" as x {\nstate "b" as y\n}\ny --> x', 'crosses the border'],
  ])('refuses %j', (line, why) => {
    expect(() => readDiagram(`stateDiagram-v2\n${line}`)).toThrow(why);
  });
});
