import fc from 'fast-check';
import type { Form } from './generated-scheme.ts';

/** Changes to generated schemes, as an admin makes them from one day to the next. Not of how long somebody is rung: a scripted world does not keep to that. */

/** One change: at which of the places where something can be changed, and to which of the values. */
export interface Change {
  readonly place: number;
  readonly value: number;
}

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({ place: fc.nat({ max: 10_000 }), value: fc.nat({ max: 100 }) }),
  { minLength: 1, maxLength: 8 },
);

/** @returns the document with the changes; the same again if nothing can be changed */
export function changed(form: Form, all: readonly Change[]): Form {
  const copy = structuredClone(form) as Document;
  for (const { place, value } of all) {
    const possible = places(copy);
    possible[place % possible.length]?.(value);
  }
  return copy;
}

interface Block {
  branches?: Block[];
  when?: unknown;
  steps?: Record<string, unknown>[];
  menu?: Record<string, Block>;
  rules?: Record<string, Block>;
  end?: string;
  password?: string;
}
type Document = { schemes: Block[]; defaults: Record<string, unknown> };
type Place = (value: number) => void;

const targets = [{ employee: 'ivanov' }, { employee: 'petrov' }, { group: 'sales' }, { phone: '79161234567' }];
const audios = ['builtin:greeting', 'builtin:closed', 'builtin:connecting'];
const times = [{ days: ['workdays'] }, { time: ['09:00-18:59'] }, { days: ['sat'] }, 'always'];
const hangup = (): Block => ({ steps: [{ hangup: true }] });
const of = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

function places({ schemes, defaults }: Document): Place[] {
  const waits: Place = (value) => {
    defaults.menu = { inputTimeout: of([3, 9, 40], value) };
  };
  const [main = [], other = []] = schemes.map((scheme) => blockPlaces(scheme, false));
  // Calls begin in the first one.
  return [waits, ...main, ...main, ...main, ...other];
}

function blockPlaces(block: Block, ofRule: boolean): Place[] {
  const branches = block.branches ?? [block];
  return branches.flatMap((branch) => branchPlaces(branch, ofRule));
}

function branchPlaces(branch: Block, ofRule: boolean): Place[] {
  const { steps = [], menu = {}, rules = {}, when } = branch;
  return [
    ...steps.flatMap((step, index) => stepPlaces(steps, step, index)),
    ...(branch.menu
      ? [
          (value: number) => {
            menu[of(['7', '8', '12', '46'], value)] = hangup();
          },
        ]
      : []),
    ...Object.entries(menu).flatMap(([key, item]) => itemPlaces(menu, key, item)),
    ...(branch.rules && !rules.noInput
      ? [
          () => {
            rules.noInput = hangup();
          },
        ]
      : []),
    ...Object.entries(rules).flatMap(([name, rule]) => [
      () => {
        delete rules[name];
      },
      // The rule for faxes is none of steps.
      ...(name === 'fax' ? [] : blockPlaces(rule, true)),
    ]),
    ...(when !== undefined && when !== 'otherwise'
      ? [
          (value: number) => {
            branch.when = of(times, value);
          },
        ]
      : []),
    ...(ofRule
      ? [
          () => {
            branch.end = branch.end === 'hangup' ? 'mainMenu' : 'hangup';
          },
        ]
      : []),
  ];
}

function stepPlaces(steps: Record<string, unknown>[], step: Record<string, unknown>, index: number): Place[] {
  const replace: Place = () => {
    steps[index] = { hangup: true };
  };
  const remove: Place = () => void steps.splice(index, 1);
  if ('play' in step) {
    const swap: Place = (value) => {
      steps[index] = { ...step, play: of(audios, value) };
    };
    return [replace, remove, swap];
  }
  if (!('forward' in step)) return [replace, remove];
  const retarget: Place = (value) => {
    steps[index] = { ...step, forward: of(targets, value) };
  };
  return [replace, remove, retarget];
}

function itemPlaces(menu: Record<string, Block>, key: string, item: Block): Place[] {
  const remove: Place = () => {
    delete menu[key];
  };
  const rekey: Place = (value) => {
    delete menu[key];
    menu[of(['7', '9', '8'], value)] = item;
  };
  const password: Place = () => {
    if (item.password === undefined) item.password = '83';
    else delete item.password;
  };
  return [remove, rekey, password, ...blockPlaces(item, false)];
}
