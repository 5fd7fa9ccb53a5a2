import { expect, it } from 'vitest';
import { algorithmsFor } from '../../../src/sip/quirks.ts';

it('spares old phones the algorithms that make them give up', () => {
  expect(algorithmsFor('baresip v1.0.0 (x86_64/linux)', ['SHA-256', 'MD5'])).toEqual(['MD5']);
  expect(algorithmsFor('baresip v2.10.0 (x86_64/Linux)', ['SHA-256', 'MD5'])).toEqual(['SHA-256', 'MD5']);
  expect(algorithmsFor('SIP.js/0.21.2', ['SHA-256', 'MD5'])).toEqual(['MD5']);
  expect(algorithmsFor(undefined, ['SHA-256', 'MD5'])).toEqual(['SHA-256', 'MD5']);
  // There is nothing else that it could be offered.
  expect(algorithmsFor('baresip v1.0.0', ['SHA-256'])).toEqual(['SHA-256']);
});
