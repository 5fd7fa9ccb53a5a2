import type { MaskNode, RegexMask } from './regex-mask.ts';

/** One step of a mask laid out as an automaton; numbers are the places of other steps. */
export type MaskStep =
  /** One of these characters; undefined: any character. */
  | { readonly kind: 'character'; readonly of: string | undefined; readonly next: number }
  /** Both ways are open; the first is preferred, which makes repeats take as much as they can. */
  | { kind: 'split'; first: number; second: number }
  /** A bracket opens (`slot` even) or closes. */
  | { readonly kind: 'mark'; readonly slot: number; readonly next: number }
  | { readonly kind: 'end' };

/** A mask, of whichever kind, as the steps of a nondeterministic automaton (Thompson's construction): for whoever matches it, or asks what it takes at all. */
export interface MaskSteps {
  readonly steps: readonly MaskStep[];
  readonly start: number;
}

/** The same step, of steps that are put behind others. */
export function moved(step: MaskStep, offset: number): MaskStep {
  if (step.kind === 'end') return step;
  if (step.kind === 'split') return { kind: 'split', first: step.first + offset, second: step.second + offset };
  return { ...step, next: step.next + offset };
}

/** Laid out from the end, since every step names what follows it. */
class Layout {
  readonly steps: MaskStep[] = [];
  readonly end = this.add({ kind: 'end' });

  add(step: MaskStep): number {
    return this.steps.push(step) - 1;
  }

  one(of: string | undefined, next: number): number {
    return this.add({ kind: 'character', of, next });
  }

  /** Any number of times, none among them. */
  loop(of: string | undefined, next: number): number {
    const loop: MaskStep = { kind: 'split', first: -1, second: next };
    const start = this.add(loop);
    loop.first = this.one(of, start);
    return start;
  }

  either(starts: readonly number[]): number {
    return starts.reduceRight((second, first) => this.add({ kind: 'split', first, second }));
  }

  anyOf(alternatives: readonly (readonly MaskNode[])[], next: number): number {
    return this.either(alternatives.map((nodes) => nodes.reduceRight((after, node) => this.#node(node, after), next)));
  }

  #node(node: MaskNode, next: number): number {
    if (node.kind === 'group') {
      const close = this.add({ kind: 'mark', slot: node.index * 2 - 1, next });
      return this.add({ kind: 'mark', slot: node.index * 2 - 2, next: this.anyOf(node.alternatives, close) });
    }
    const { digits } = node;
    let start = node.max === Number.POSITIVE_INFINITY ? this.loop(digits, next) : next;
    for (let times = 0; times < node.min; times++) start = this.one(digits, start);
    return start;
  }
}

/** Of a mask of §5.3.1.3.1. */
export function regexMaskSteps({ alternatives }: RegexMask): MaskSteps {
  const layout = new Layout();
  return { steps: layout.steps, start: layout.anyOf(alternatives, layout.end) };
}

/** Of a mask of §4.4.4 (`digit-mask.ts`): with `#` and `*`, a range, or an address; in small letters. */
export function digitMaskSteps(mask: string): MaskSteps {
  const layout = new Layout();
  const range = /^(\d+)\s*-\s*(\d+)$/.exec(mask);
  if (range) return { steps: layout.steps, start: between(layout, range[1] ?? '', range[2] ?? '') };
  let start = layout.end;
  for (const character of mask.toLowerCase().split('').toReversed()) {
    if (character === '*') start = layout.loop(undefined, start);
    else start = layout.one(character === '#' ? undefined : character, start);
  }
  return { steps: layout.steps, start };
}

/** Of all that begins so. */
export function prefixSteps(prefix: string): MaskSteps {
  const layout = new Layout();
  const start = [...prefix].reduceRight((next, digit) => layout.one(digit, next), layout.loop(undefined, layout.end));
  return { steps: layout.steps, start };
}

/** Numbers of one length, digit by digit: along the lower end, along the upper end, or free between the two. */
function between(layout: Layout, low: string, high: string): number {
  const free = [layout.end];
  for (let left = 1; left <= low.length; left++) free.push(layout.one('0123456789', free[left - 1] as number));

  const from = (at: number, onLow: boolean, onHigh: boolean): number => {
    if (!onLow && !onHigh) return free[low.length - at] as number;
    if (at === low.length) return layout.end;
    const least = onLow ? Number(low[at]) : 0;
    const most = onHigh ? Number(high[at]) : 9;
    if (onLow && onHigh && least === most) return layout.one(String(least), from(at + 1, true, true));
    const inside = '0123456789'.slice(onLow ? least + 1 : least, onHigh ? most : most + 1);
    return layout.either([
      ...(onLow ? [layout.one(String(least), from(at + 1, true, false))] : []),
      ...(inside === '' ? [] : [layout.one(inside, free[low.length - at - 1] as number)]),
      ...(onHigh ? [layout.one(String(most), from(at + 1, false, true))] : []),
    ]);
  };
  return from(0, true, true);
}
