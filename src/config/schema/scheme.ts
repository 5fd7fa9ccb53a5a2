import { z } from 'zod';
import { byType, choice, isObject, misspelt } from './choice.ts';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import { Step } from './step.ts';
import { AudioId, count, Emails, Id, OwnNumber, ownExtension, seconds, Text } from './values.ts';
import { When } from './when.ts';

/** §4.4.2.1: what happens to a call, from the number that it came to. */

/** Tried in order when the block is entered; the first whose `when` matches runs. */
export interface Branch {
  readonly when: When;
  readonly steps: readonly Step[];
  /** By the digits to press. */
  readonly menu: Readonly<Record<string, Item>>;
  readonly rules: Rules;
  /** What follows the last step. `mainMenu` in a rule's branch only. */
  readonly end: 'hangup' | 'mainMenu';
}

export interface Item {
  readonly password?: string;
  /** What a caller may say instead of pressing. */
  readonly keywords: readonly string[];
  readonly branches: readonly Branch[];
}

/** What may happen beside a choice from the menu. */
export interface Rules {
  /** Callers may dial extensions, trunk prefixes and trunk masks. */
  readonly disa?: {
    readonly length?: { readonly min: number; readonly max: number };
    readonly prompt?: string;
    readonly branches: readonly Branch[];
  };
  /** Where a fax goes whose calling tone is heard. Empty `to`: the address of `fax.email`. */
  readonly fax?: { readonly to: readonly string[] };
  /** `after`: seconds; unset: `defaults.menu.inputTimeout`. */
  readonly noInput?: { readonly after?: number; readonly branches: readonly Branch[] };
  readonly anyOtherInput?: { readonly branches: readonly Branch[] };
  /** `attempts` unset: `defaults.menu.maxInvalid`. */
  readonly invalidInput?: { readonly attempts?: number; readonly branches: readonly Branch[] };
  /** `attempts` unset: `defaults.menu.maxWrongPassword`. */
  readonly wrongPassword?: { readonly attempts?: number; readonly branches: readonly Branch[] };
}

export interface Scheme {
  readonly id: string;
  /** Unset: the id. */
  readonly name: string;
  readonly extension?: string;
  readonly description: string;
  /** What is done about calls lost in the voice menu. */
  readonly missed: {
    readonly callback?: { readonly group: string; readonly callerId?: string };
    readonly sms: boolean;
  };
  /** What a speech recogniser listens for. */
  readonly speech: { readonly digits: boolean; readonly names: boolean; readonly topics: boolean };
  readonly branches: readonly Branch[];
}

/** Where in a scheme a block stands: it decides what may stand in the block. */
interface Place {
  /** 0 at the top, up to `maxMenuLevel` inside menu items. */
  readonly menuLevel: number;
  /** How many levels of rules may be opened from here. */
  readonly rulesLeft: number;
  /** Directly in a rule: its branches may end in the main menu. */
  readonly ofRule: boolean;
}

export const maxMenuLevel = 4;

const top: Place = { menuLevel: 0, rulesLeft: 2, ofRule: false };

/** Inside menu items rules have one level, on the last menu level none. */
function inItem(of: Place): Place {
  const menuLevel = of.menuLevel + 1;
  return { menuLevel, rulesLeft: menuLevel === maxMenuLevel ? 0 : Math.min(of.rulesLeft, 1), ofRule: false };
}

const inRule = (of: Place): Place => ({ menuLevel: of.menuLevel, rulesLeft: of.rulesLeft - 1, ofRule: true });

const nameOf = ({ menuLevel, rulesLeft, ofRule }: Place): string => `m${menuLevel}r${rulesLeft}${ofRule ? 'rule' : ''}`;

/** One schema per place; there are a dozen places. */
function perPlace<T>(make: (place: Place) => T): (place: Place) => T {
  const made = new Map<string, T>();
  return (place) => {
    const name = nameOf(place);
    const known = made.get(name);
    if (known !== undefined) return known;
    const schema = make(place);
    made.set(name, schema);
    return schema;
  };
}

export const MenuKey = z
  .string()
  .regex(/^[0-9*#]{1,3}$/, { error: 'must be the digits to press: one to three of 0-9, "*" and "#"' });

/** Dialled by the caller. */
const Password = z.string().regex(/^\d{1,16}$/, { error: 'must be a password that can be dialled: 1 to 16 digits' });

/** A key of the format that may not stand here, and reads as if it were not there. */
const forbidden = (why: string) =>
  z
    .never({ error: why })
    .optional()
    .transform(() => ({}));

const directKeys = ['steps', 'menu', 'rules', 'end'] as const;

/**
 * Something with `branches`, or with the keys of its single always-branch directly in it.
 * @param what it is, with its article
 */
function block<Shape extends z.ZodRawShape>(what: string, params: Shape, place: Place) {
  const branched = object({ ...params, branches: branches(place) });
  const direct = object({ ...params, ...branchShape(place) }).transform((value) => {
    const { steps, menu, rules, end, ...rest } = value as Record<string, unknown>;
    return { ...rest, branches: [{ when: 'always', steps, menu, rules, end }] };
  });
  const schema = choice([branched, direct], (value) => {
    if (!isObject(value)) return { code: 'wrong-type', message: `Expected ${what}: an object` };
    const has = directKeys.filter((key) => Object.hasOwn(value, key));
    if (!Object.hasOwn(value, 'branches')) {
      if (has.length > 0) return 1;
      const near = misspelt(value, ['branches', ...directKeys]);
      return {
        code: 'missing-key',
        message: 'Says nothing to do: it needs "branches", or "steps", "menu", "rules" or "end" of a single branch',
        hint: 'Write "steps": [] if nothing is to be done.',
        ...(near.hint === undefined ? { rest: 1 } : near),
      };
    }
    if (has.length === 0) return 0;
    return {
      code: 'exactly-one-of',
      message: `"${has[0]}" cannot stand beside "branches"`,
      hint: 'Move it into the branch that it belongs to.',
    };
  });
  type Output = Omit<z.output<z.ZodObject<Shape>>, never> & { branches: readonly Branch[] };
  return schema as z.ZodType as z.ZodType<Output>;
}

const branches = perPlace((place): z.ZodType<readonly Branch[]> => {
  const branch = object({
    when: When.default('always').describe('The first branch that matches runs.'),
    ...branchShape(place),
  });
  const list = z.array(branch.meta({ id: `branch-${nameOf(place)}` })).min(1);
  // What the places have in common is written down in Branch; their schemas differ in what they forbid.
  return (list as z.ZodType as z.ZodType<readonly Branch[]>).superRefine(otherwiseIsLast, {
    // Whatever else is wrong with the branches.
    when: ({ value }) => Array.isArray(value),
  });
});

function otherwiseIsLast(list: readonly unknown[], context: z.RefinementCtx): void {
  list.slice(0, -1).forEach((branch, index) => {
    if (!isObject(branch) || branch.when !== 'otherwise') return;
    const params = { code: 'not-allowed-here', hint: 'Put it last, or write "always".' };
    context.addIssue({
      code: 'custom',
      message: '"otherwise" is for the last branch only',
      path: [index, 'when'],
      params,
    });
  });
}

function branchShape(place: Place) {
  const { menuLevel, rulesLeft, ofRule } = place;
  return {
    steps: z.array(Step).default([]).describe('What is done, in this order.'),
    menu:
      menuLevel === maxMenuLevel
        ? forbidden(`Menus have at most ${maxMenuLevel} levels, and this would be level ${maxMenuLevel + 1}`)
        : z
            .record(MenuKey, item(inItem(place)))
            .default({})
            .describe('What the caller may press, by the digits.'),
    rules:
      rulesLeft === 0
        ? forbidden(whyNoRules(place))
        : rules(inRule(place)).prefault({}).describe('What happens beside a choice from the menu.'),
    end: z
      .enum(ofRule ? ['hangup', 'mainMenu'] : ['hangup'], { error: onlyOfRules })
      .default('hangup')
      .describe('What follows the last step.'),
  };
}

/** Undefined: what else is no end is explained as in any list of words. */
const onlyOfRules = ({ input }: { readonly input?: unknown }): string | undefined =>
  input === 'mainMenu'
    ? 'Only a branch of a rule, such as "noInput", may end in the main menu. To lead back from here, forward to the scheme itself as the last step'
    : undefined;

const whyNoRules = ({ menuLevel, ofRule }: Place): string => {
  if (menuLevel === maxMenuLevel) return `Items of menu level ${maxMenuLevel} have no rules`;
  if (ofRule && menuLevel > 0) return 'A rule inside a menu item holds no further rules';
  return 'Rules have at most two levels';
};

const item = perPlace((place): z.ZodType<Item> => {
  const params = { password: Password.exactOptional(), keywords: z.array(Text).default([]) };
  return block('a menu item', params, place).meta({ id: `item-${nameOf(place)}` });
});

const Digits = count(1, 32);
const Length = object({ min: Digits, max: Digits }).refine(({ min, max }) => min <= max, {
  error: 'must not be less than "min"',
  path: ['max'],
});
const DisaLength = byType('a number of digits', {
  number: Digits.transform((n) => ({ min: n, max: n })),
  object: Length,
});

const rules = perPlace((place): z.ZodType<Rules, { readonly fax?: object }> => {
  const attempts = { attempts: count(1, 20).exactOptional() };
  const disa = { length: DisaLength.exactOptional(), prompt: AudioId.exactOptional() };
  return object({
    disa: block('a rule', disa, place).exactOptional(),
    fax: object({ to: Emails.default([]) }).exactOptional(),
    noInput: block('a rule', { after: seconds(1, 600).exactOptional() }, place).exactOptional(),
    anyOtherInput: block('a rule', {}, place).exactOptional(),
    invalidInput: block('a rule', attempts, place).exactOptional(),
    wrongPassword: block('a rule', attempts, place).exactOptional(),
  }).meta({ id: `rules-${nameOf(place)}` });
});

const Callback = object({ group: refersTo('group', Id), callerId: OwnNumber.exactOptional() });

export const Scheme: z.ZodType<Scheme> = block(
  'a scheme',
  {
    id: declares('scheme', Id),
    name: Text.default(''),
    extension: ownExtension(1, 7).exactOptional(),
    description: Text.default(''),
    missed: object({ callback: Callback.exactOptional(), sms: z.boolean().default(false) }).prefault({}),
    speech: object({
      digits: z.boolean().default(false),
      names: z.boolean().default(false),
      topics: z.boolean().default(false),
    }).prefault({}),
  },
  top,
);
