import { after, type BranchBuild, trace } from './build.ts';
import type { Action, State, Transition, Transitions } from './chart.ts';
import { place, to } from './paths.ts';
import { afterLastWrongPassword, maxWrongPassword, noMorePasswords } from './rules/wrong-password.ts';

/**
 * A menu item asks for its password. `#` or a pause ends the digits, and as many seconds without any as a menu waits: that is a wrong
 * password too, so that a silent caller gets on. The digits stand in no trace, the password in no machine.
 * @param menu the branch that the item stands in
 */
export function passwordOf(menu: BranchBuild, item: string): State {
  const path = place(item, 'password');
  const inputs = { block: menu.block, max: maxWrongPassword(menu) };
  const { inputTimeout, interDigitTimeout } = menu.scheme.menu;
  const complete = { target: to(place(path, 'complete')) };
  const verdict = (right: boolean): readonly Action[] => [
    { type: 'toldPassword', params: { right } },
    trace(path, 'password', { right }),
  ];
  const accepted: Transition = { target: to(item), actions: verdict(true) };
  const rejected = after(
    [{ type: 'countWrongPassword', params: { block: menu.block } }, ...verdict(false)],
    [
      ...noMorePasswords(menu),
      { guard: { type: 'lastWrongPassword', params: inputs }, ...afterLastWrongPassword(menu) },
      { target: to(place(path, 'refused')) },
    ],
  );

  return {
    id: path,
    tags: ['secret'],
    exit: [{ type: 'forget' }],
    on: {
      password: [{ guard: { type: 'wasPassword' }, ...accepted }, ...rejected],
      digit: [
        {
          guard: { type: 'endsFormer', params: { pauseMs: interDigitTimeout * 1000 } },
          actions: [{ type: 'endFormer' }],
        },
        { guard: { type: 'endsEntry' }, ...complete },
        { target: to(place(path, 'typing')), actions: [{ type: 'keep' }] },
      ],
    },
    initial: 'asking',
    states: {
      asking: saying(path, 'asking', menu.scheme.tables.pbx.document.pbx.passwordPrompt, []),
      refused: saying(path, 'refused', 'builtin:wrong-password', [{ type: 'forget' }]),
      waiting: { id: place(path, 'waiting'), after: { [inputTimeout * 1000]: [complete] } },
      typing: { id: place(path, 'typing'), after: { [interDigitTimeout * 1000]: [complete] } },
      complete: {
        id: place(path, 'complete'),
        always: [{ guard: { type: 'isPassword', params: { item } }, ...accepted }, ...rejected],
      },
    },
  };
}

function saying(path: string, name: string, audio: string, entry: readonly Action[]): State {
  const id = place(path, name);
  const then: Transitions = [{ target: to(place(path, 'waiting')) }];
  return {
    id,
    entry: [...entry, trace(id, 'play', { audio })],
    invoke: {
      src: 'play',
      input: { audio },
      onDone: then,
      onError: after([{ type: 'fault', params: { state: id } }], then),
    },
  };
}
