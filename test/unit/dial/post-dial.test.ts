import { expect, it } from 'vitest';
import { parsePostDial } from '../../../src/dial/outgoing/post-dial.ts';

it.each([
  ['74951234567,789', '74951234567', ',789'],
  ['74951234567.789', '74951234567', '.789'],
  ['+74951234567,,7.8#', '+74951234567', ',,7.8#'],
  ['84951234567,*1', '84951234567', ',*1'],
  // A peer's extension may have digits behind it too.
  ['456,1', '456', ',1'],
])('%s is %s and %s (§4.5.7)', (text, number, postDial) => {
  expect(parsePostDial(text)).toEqual({ number, postDial });
});

it.each(['74951234567', '7.495.123.45.67', '8495.1234567', '74951234567,', '74951234567,a', 'ivan.ov,1', ',1', ''])(
  '%j has nothing behind it',
  (text) => {
    expect(parsePostDial(text)).toEqual({ number: text });
  },
);
