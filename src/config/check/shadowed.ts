import type { Path } from '../issue.ts';
import { MaskUnion, type Work } from '../mask-inclusion.ts';
import { digitMaskSteps, type MaskSteps, prefixSteps, regexMaskSteps } from '../mask-steps.ts';
import { type MaskNode, parseRegexMask, parseSubstitution } from '../regex-mask.ts';
import { joined } from '../words.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Rules by number of which the first that matches acts: those that the ones before leave nothing to. */
export const shadowed: Rule = {
  codes: ['shadowed-rule'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    yield* forwardingRules(pbx);
    yield* screeningEntries(pbx);
    yield* callerIdRules(pbx);
    yield* regionPrefixes(pbx);
    yield* trunkMasks(pbx);
  },
};

/** A rule of a list that is tried from top to bottom. */
interface Masked {
  readonly mask: string;
  readonly path: Path;
  /** How the rule is called: `rule 2`. */
  readonly called: string;
  readonly steps: () => MaskSteps | undefined;
  /** Rules before that take some callers only, such as those of trunks, hide none of another kind. */
  readonly kind?: string;
  /** Not all that it matches ends with it. */
  readonly mayPass?: boolean;
  /** It stands for itself alone. */
  readonly isNumber?: boolean;
}

/** Steps that are looked at for one list: a second or so. Nobody writes by hand a list that takes longer. */
const patience = 10_000_000;
/** Plain numbers of a list that are compared with what ranges and masks take; lists of them may be long. */
const mostNumbers = 100;

/** What takes all that a rule would take: the rules that do it, one where one is enough. */
interface Hidden {
  readonly rule: Masked;
  readonly by: readonly Masked[];
}

/** Each rule to which those before it leave nothing. A rule without a kind hides all others, one with a kind only its like. */
function* hiddenOf(list: readonly Masked[]): Generator<Hidden> {
  const work: Work = { left: patience };
  const earlier = new Map<string | undefined, Earlier>();
  for (const { kind } of list) if (!earlier.has(kind)) earlier.set(kind, new Earlier(work));
  for (const rule of list) {
    const steps = rule.steps();
    if (!steps) continue;
    const by = earlier.get(rule.kind)?.whoTakes(rule, steps) ?? [];
    if (by.length > 0) yield { rule, by };
    else if (!rule.mayPass)
      for (const [kind, those] of earlier) if (rule.kind === undefined || rule.kind === kind) those.add(rule, steps);
  }
}

/** Rules that come before others, as far as these can be hidden by them. */
class Earlier {
  readonly #work: Work;
  readonly #same = new Map<string, Masked>();
  readonly #all: { readonly rule: Masked; readonly steps: MaskSteps }[] = [];
  readonly #union = new MaskUnion();
  /** Without plain numbers: only the same is hidden by one. */
  readonly #patterns = new MaskUnion();
  #numbers = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  add(rule: Masked, steps: MaskSteps): void {
    this.#same.set(rule.mask, rule);
    if (rule.isNumber && ++this.#numbers > mostNumbers) return;
    this.#all.push({ rule, steps });
    this.#union.add(steps);
    if (!rule.isNumber) this.#patterns.add(steps);
  }

  /** The rules that leave nothing to this one; none if they do, or if it would take too long to find out. */
  whoTakes(rule: Masked, steps: MaskSteps): readonly Masked[] {
    const same = this.#same.get(rule.mask);
    if (same) return [same];
    const taken = rule.isNumber ? this.#patterns.takes(rule.mask) : this.#union.covers(steps, this.#work).all;
    if (!taken) return [];
    const single = this.#all.find((one) => alone(one.steps).covers(steps, this.#work).all);
    return single ? [single.rule] : this.#all.map((one) => one.rule);
  }
}

function alone(steps: MaskSteps): MaskUnion {
  const union = new MaskUnion();
  union.add(steps);
  return union;
}

const whoText = (by: readonly Masked[]): string => {
  const names = by.map(({ called, mask }) => `${called} ("${mask}")`);
  if (names.length === 1) return `${names[0]} takes`;
  return names.length <= 3 ? `${joined(names, 'and')} together take` : `the ${names.length} rules before together take`;
};

/** Masks with `@` are compared with the caller's address, others with his number: neither hides the other, but for one that takes every caller. */
const isOfAddresses = (mask: string): boolean => mask.includes('@');
const takesAll = (mask: string): boolean => /^\*+$/.test(mask);

const digitMask = (mask: string, path: Path, called: string, kind?: string): Masked => ({
  // As a range is read, and addresses are compared.
  mask: mask.replace(/\s/g, '').toLowerCase(),
  path,
  called,
  ...(kind === undefined ? {} : { kind }),
  isNumber: /^\d+$/.test(mask),
  steps: () => digitMaskSteps(mask),
});

const regexMask = (mask: string, path: Path, called: string): Masked => ({
  mask,
  path,
  called,
  steps: () => {
    const parsed = parseRegexMask(mask);
    return parsed.ok ? regexMaskSteps(parsed.mask) : undefined;
  },
});

/** Of masks of callers: those of numbers and those of addresses apart. */
function* hiddenCallers(list: readonly Masked[]): Generator<Hidden> {
  const all = list.filter(({ mask }) => takesAll(mask));
  const addresses = list.filter(({ mask }) => isOfAddresses(mask) || takesAll(mask));
  yield* hiddenOf(list.filter(({ mask }) => !isOfAddresses(mask)));
  for (const hidden of hiddenOf(addresses)) if (!all.includes(hidden.rule)) yield hidden;
}

/** §4.4.4. Rules of type `trunk` are for callers through trunks alone (`call/decide.ts`). */
function* forwardingRules({ document }: CheckedPbx): Generator<Finding> {
  const rules = document.forwarding.flatMap(({ enabled, from, type }, index) =>
    enabled
      ? [digitMask(from, ['forwarding', index, 'from'], `rule ${index + 1}`, type === 'trunk' ? 'trunk' : undefined)]
      : [],
  );
  for (const { rule, by } of hiddenCallers(rules)) {
    const message = `This rule never acts: ${whoText(by)} every caller of "${rule.mask}"`;
    yield { code: 'shadowed-rule', path: rule.path, message, hint: 'Put the narrower rule before the wider one.' };
  }
}

function* screeningEntries({ document }: CheckedPbx): Generator<Finding> {
  const entries = document.screening.entries.map(({ number }, index) =>
    digitMask(number, ['screening', 'entries', index, 'number'], `entry ${index + 1}`),
  );
  for (const { rule, by } of hiddenCallers(entries)) {
    const message = `This entry changes nothing: ${whoText(by)} every caller of "${rule.mask}"`;
    yield { code: 'shadowed-rule', path: rule.path, message, hint: 'Remove it.' };
  }
}

/** §4.6.5.6: a rule by prefix beats every mask, masks count by their order. */
function* callerIdRules({ document }: CheckedPbx): Generator<Finding> {
  const placed = document.callerIdRules.map(({ type, match }, index) => ({
    type,
    mask: match,
    path: ['callerIdRules', index, 'match'],
    called: `rule ${index + 1}`,
  }));
  // Of two prefixes the longer one counts, of two regions the longer prefix: only the same twice is in vain.
  const firsts = new Map<string, Masked>();
  for (const { type, ...rule } of placed) {
    if (type === 'mask') continue;
    const first = firsts.get(`${type} ${rule.mask}`);
    if (first) yield neverShown(rule, [first]);
    else firsts.set(`${type} ${rule.mask}`, { ...rule, steps: () => prefixSteps(rule.mask) });
  }
  const prefixes = [...firsts].flatMap(([key, rule]) => (key.startsWith('prefix ') ? rule : []));
  const masks = placed.flatMap(({ type, mask, path, called }) =>
    type === 'mask' ? regexMask(mask, path, called) : [],
  );
  for (const { rule, by } of hiddenOf([...prefixes, ...masks]))
    if (!prefixes.includes(rule)) yield neverShown(rule, by);
}

const neverShown = (rule: Omit<Masked, 'steps'>, by: readonly Masked[]): Finding => ({
  code: 'shadowed-rule',
  path: rule.path,
  message: `This rule never acts: ${whoText(by)} every number of "${rule.mask}"`,
  hint: 'A prefix goes before masks, and masks are tried in their order: change one, or remove this rule.',
});

/** The longest prefix counts, and of equal ones the first (`scheme/regions.ts`). */
function* regionPrefixes({ document }: CheckedPbx): Generator<Finding> {
  for (const [index, { rules }] of document.regionRules.entries()) {
    const owners = new Map<string, number>();
    for (const [at, { prefixes }] of rules.entries()) {
      for (const [number, prefix] of prefixes.entries()) {
        const first = owners.get(prefix);
        if (first === undefined) {
          owners.set(prefix, at);
          continue;
        }
        const { name = '' } = rules[first] ?? {};
        const who = first === at ? 'this rule has it' : `rule ${first + 1}${name === '' ? '' : ` ("${name}")`} has it`;
        yield {
          code: 'shadowed-rule',
          path: ['regionRules', index, 'rules', at, 'prefixes', number],
          message: `Prefix "${prefix}" never counts here: ${who} already`,
          hint: 'Remove it from one of the two.',
        };
      }
    }
  }
}

function* trunkMasks({ document }: CheckedPbx): Generator<Finding> {
  for (const [index, { id, masks }] of document.trunks.entries()) {
    const rules = masks.map((mask, at) => ({
      ...regexMask(mask.match, ['trunks', index, 'masks', at, 'match'], `mask ${at + 1}`),
      mayPass: mayMakeNothing(mask),
    }));
    for (const { rule, by } of hiddenOf(rules)) {
      const message = `This mask of trunk "${id}" is never used: ${whoText(by)} every number of it`;
      const hint = 'Masks are tried top to bottom: put the narrower one first.';
      yield { code: 'shadowed-rule', path: rule.path, message, hint };
    }
  }
}

/** Of some number that it matches the mask makes no number, and then the next mask is asked (`scheme/dial-plan.ts`). */
function mayMakeNothing({ match, to }: { readonly match: string; readonly to: string }): boolean {
  const parsed = parseRegexMask(match);
  if (!parsed.ok) return true;
  const { alternatives } = parsed.mask;
  const [only = []] = alternatives;
  // A bracket that every number goes through, and that is not empty.
  const sure = (index: number) =>
    alternatives.length === 1 &&
    only.some((node) => node.kind === 'group' && node.index === index && !mayBeEmpty(node));
  return !(parseSubstitution(to) ?? []).some((part) => 'text' in part || sure(part.group));
}

const mayBeEmpty = (node: MaskNode): boolean =>
  node.kind === 'digits' ? node.min === 0 : node.alternatives.some((nodes) => nodes.every(mayBeEmpty));
