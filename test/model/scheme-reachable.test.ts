import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../src/config/version.ts';
import type { CompiledScheme } from '../../src/scheme/compile.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import { generatedForm, generatedPbx, pbxOfForm } from '../support/generated-scheme.ts';
import { many, patience } from '../support/many.ts';
import { allStates, connectedStates, reachedStates } from '../support/reachable.ts';
import { load } from '../unit/config/folder.ts';

/** A working day and a day off, each by day, in the evening and at night: each hour of the generated schemes is one of them. */
const moments = ['2026-11-02', '2026-11-07'].flatMap((day) =>
  ['09:00', '17:00', '20:30'].map((time) => Date.parse(`${day}T${time}Z`)),
);

/** Those of the menus, of the extensions 451 and 4512, of the password, and one that means nothing. */
const keysOf = (scheme: unknown): string => {
  const menus = [...JSON.stringify(scheme).matchAll(/"([0-9*#]{1,2})":/g)].map(([, key]) => key);
  return [...new Set(`4519#83${menus.join('')}`)].join('');
};

describe('every state of a scheme', () => {
  it(
    'is one that some call comes to, unless nothing in the chart leads there',
    () => {
      const small = generatedPbx.filter((pbx) => allStates(main(pbx).chart.states).length <= 60);
      fc.assert(fc.property(small, expectAllReached), many(8));
    },
    patience(120_000),
  );

  // A wrong key and a wrong password are counted for the same menu, each by itself.
  it('is one that some call comes to, behind the third wrong password of a menu that also counts wrong keys', () => {
    const item = { steps: [] };
    const rules = { wrongPassword: { menu: { '2': item } } };
    const scheme = { menu: { '1': { password: '83', ...item } }, rules };
    const pbx = { id: 'acme', domains: ['acme.example'] };
    const employees = [{ id: 'ivanov', extension: '451' }];
    expectAllReached(pbxOfForm({ pbx, employees, schemes: [{ id: 'main', ...scheme }] }));
  });

  it(
    'is not one that the checker calls unreachable',
    async () => {
      let places = 0;
      const property = fc.asyncProperty(generatedForm, async (document) => {
        const { issues } = await load({ 'acme.json': document });
        const unreachable = new Set(
          issues.filter(({ code }) => /^unreachable-(?:step|branch)$/.test(code)).map(({ path }) => short(path)),
        );
        const pbx = pbxOfForm(document);
        for (const [index, { id }] of pbx.document.schemes.entries()) {
          const compiled = compiledOf(pbx, id);
          const connected = connectedStates(compiled);
          for (const { id: state, description } of allStates(compiled.chart.states)) {
            if (description === undefined || !unreachable.has(short(`schemes[${index}].${description}`))) continue;
            places++;
            expect(connected).not.toContain(state);
          }
        }
      });
      await fc.assert(property, many(60));
      expect(places).toBeGreaterThan(10);
    },
    patience(120_000),
  );
});

function expectAllReached(pbx: PbxVersion): void {
  const connected = connectedStates(main(pbx));
  const keys = keysOf(pbx.scheme('main'));
  // From each region somebody calls.
  const prefixes = pbx.document.regionRules.flatMap(({ rules }) => rules.flatMap((rule) => rule.prefixes));
  const asks = JSON.stringify(main(pbx).chart).includes('"inRegion"');
  const reached = new Set(
    (asks ? prefixes : ['7495']).flatMap((prefix) => [...reachedStates(main(pbx), moments, keys, `${prefix}1234567`)]),
  );
  // The first block only chooses its branch, and does so without being entered; a step that is played once may stand in a block that no
  // call comes to twice.
  const others = allStates(main(pbx).chart.states).filter(({ id }) => id !== 'main' && !id.endsWith(':again'));
  expect(others.map(({ id }) => id).filter((id) => connected.has(id) !== reached.has(id))).toEqual([]);
}

function compiledOf(pbx: PbxVersion, id: string): CompiledScheme {
  const compiled = schemesOf(pbx).get(id);
  if (!compiled) throw new Error(`no scheme ${id}`);
  return compiled;
}
const main = (pbx: PbxVersion): CompiledScheme => compiledOf(pbx, 'main');

/** A block with one branch may be written without `branches`: a place has two names then, and this is neither. */
const short = (path: string): string => path.replaceAll('.branches[0]', '');
